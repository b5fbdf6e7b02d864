"""What a measured program tells the process that started it: on its standard output, a line of JSON for each moment."""

from __future__ import annotations

import json
import time
from typing import Any, Final

MARK: Final = "measured "
"""Before each such line: Faust writes on standard output as well."""


class Meter:
    """Processor and wall time from the moment at which a program could work: its start and imports are left out."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._is_running = False
        self._wall = self._processor = 0.0

    def begin(self) -> None:
        """The program can work from here on; only the first call counts."""
        if not self._is_running:
            self._is_running = True
            self._wall, self._processor = time.perf_counter(), time.process_time()
            _tell(moment="ready", processor=self._processor)

    def end(self, **found: Any) -> None:
        """Everything is done and kept; `found` goes along."""
        wall, processor = time.perf_counter() - self._wall, time.process_time() - self._processor
        _tell(moment="done", wall=wall, processor=processor, **found)


def _tell(**what: Any) -> None:
    print(f"\n{MARK}{json.dumps(what)}", flush=True)
