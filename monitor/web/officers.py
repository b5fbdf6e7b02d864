"""The officers' directory as pages use it: names beside numbers, and who is there to be assigned in a county."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

from config import officers
from config.officers import Officer, OfficersError

log = logging.getLogger(__name__)


class Colleagues:
    """The directory of a file, read when it is needed and whenever it has changed; without one nobody is in it."""

    def __init__(self, path: Path | None = None) -> None:
        """`path`: the file, which may be written later (see `config.officers.load`)."""
        self._path = path
        self._mark: tuple[int, int] | None = None
        self._by_id: dict[str, Officer] = {}
        self._loading = threading.Lock()

    def named(self, ids: Iterable[str]) -> list[str]:
        """Officers as people know them: name and number, where the directory has them; else the number alone."""
        found = self._officers()
        return [f"{found[one].name}（{one}）" if one in found else one for one in ids]

    def of(self, county: str) -> list[tuple[str, str]]:
        """The officers of a county as (id, name), by id."""
        return sorted((one.id, one.name) for one in self._officers().values() if county in one.counties)

    def _officers(self) -> dict[str, Officer]:
        if self._path is None:
            return {}
        with self._loading:
            try:
                status = self._path.stat()
                mark = status.st_mtime_ns, status.st_size
                if mark != self._mark:
                    self._mark = mark  # one that cannot be read is not read again until it is another
                    self._by_id = {one.id: one for one in officers.load(self._path).officers}
            except FileNotFoundError:
                pass
            except (OfficersError, OSError) as error:
                log.warning("执法人员名录读不到，沿用原有 / the officers' directory cannot be read: %s", error)
            return self._by_id
