"""Reading a refused event again from the text that was kept of it: whether that text still holds all of it, and how.

Beside intake, in the flow of dead letters that are tried again after a fix. What intake kept (see `readable_text`) has
pseudonyms for numbers, which lose nothing; but what it had to hide is in the source alone.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from monitor.events.intake import Intake
from monitor.identifiers.pseudonyms import Pseudonymiser

_HIDDEN: Final = "***"
_LABEL: Final = re.compile(r".\*")


def is_whole(text: str) -> bool:
    """Whether nothing that intake needs is hidden in a kept text, or in one that an operator mended.

    The masked name of a person is enough beside an identity, and no identity by itself.
    """
    try:
        return _is_whole(json.loads(text))
    except (ValueError, RecursionError):
        return False


def intake_of_kept(pseudonyms: Pseudonymiser) -> Intake:
    """Intake for kept texts: the pseudonyms in them stand for the numbers that they were made of."""
    return Intake(pseudonyms.for_kept_texts())


def _is_whole(value: Any) -> bool:
    if isinstance(value, dict):
        name = value.get("name")
        if isinstance(name, str) and _LABEL.fullmatch(name) and not _is_identified(value):
            return False
        return all(_HIDDEN not in key and _is_whole(member) for key, member in value.items())
    if isinstance(value, list):
        return all(map(_is_whole, value))
    return not isinstance(value, str) or _HIDDEN not in value


def _is_identified(person: dict[str, Any]) -> bool:
    return any(isinstance(person.get(key), str) and person[key].strip() for key in ("id", "id_number"))
