"""Keyed pseudonyms: who a person is, without the number. Used by intake before anything is stored or sent on.

`p1 = HMAC-SHA-256(k1, type|number)`, and after a rotation `p2 = HMAC-SHA-256(k2, p1)`: pseudonyms already
stored are lifted without the number, new numbers run through the whole chain, so both meet. Names that stand
alone (`n`) and telephone numbers (`t`) become pseudonyms of their own kinds. Keys come from the settings; the
first is the oldest.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from monitor.identifiers import resident_id

WEAK_PREFIX: Final = "name:"
"""Marks the pseudonym of a bare name: a weak identity."""

_DIGEST_CHARACTERS: Final = 32
_REMEMBERED: Final = 1 << 13
_OURS: Final = re.compile(r"([nt])\d+:").match
_KEPT: Final = re.compile(r"[pt](\d{1,4}):[0-9a-f]{32}").fullmatch


class Pseudonymiser:
    """Turns numbers, bare names and telephones into keyed pseudonyms. Deterministic for a chain of keys."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys`: the chain, oldest first, each of 16 bytes or more. Raises ValueError for a weak chain."""
        if not keys or any(len(key) < 16 for key in keys):
            msg = "a pseudonym key has at least 16 bytes (32 hexadecimal characters)"
            raise ValueError(msg)
        self._keys = tuple(keys)
        self._known: dict[str, str] = {}

    @property
    def generation(self) -> int:
        """How many keys the chain has: the generation of the pseudonyms it makes."""
        return len(self._keys)

    @property
    def fingerprints(self) -> list[str]:
        """Names each key of the chain without revealing it: the home keeps them."""
        return [hashlib.sha256(b"credit-monitor key" + key).hexdigest()[:16] for key in self._keys]

    @property
    def fingerprint(self) -> str:
        """Names the whole chain: snapshots carry it."""
        return "-".join(self.fingerprints)

    def number(self, id_type: str, number: str) -> str:
        """The pseudonym of an identity number (trimmed, upper case) of a type."""
        return self._chain(f"{id_type}|{number.strip().upper()}", "p")

    def given(self, identity: str) -> str:
        """A pseudonym that a source sent: itself while the chain has one key, lifted after rotations.

        An identity number sent in its place by mistake is not kept: it is turned into its pseudonym.
        """
        if len(identity) == 18 and resident_id.is_valid(identity.upper()):
            return self.number("resident_id", identity)
        if identity.startswith(WEAK_PREFIX):
            return self._chain(f"given|{identity}", "p")
        return self.lift(identity, 1)

    def lift(self, pseudonym: str, generation: int) -> str:
        """A stored pseudonym of some generation (1 for the first key) as one of the newest generation."""
        if generation >= len(self._keys):
            return pseudonym
        weak = WEAK_PREFIX if is_weak(pseudonym) else ""
        pseudonym = pseudonym.removeprefix(WEAK_PREFIX)
        ours = _OURS(pseudonym)
        kind = ours[1] if ours else "p"
        for step, key in enumerate(self._keys[generation:], start=generation + 1):
            pseudonym = f"{kind}{step}:{_digest(key, pseudonym)}"
        return weak + pseudonym

    def name(self, name: str) -> str:
        """The weak identity of a bare name."""
        folded = " ".join(unicodedata.normalize("NFKC", name).split())
        return WEAK_PREFIX + self._chain(f"name|{folded}", "n")

    def phone(self, phone: str) -> str:
        """The pseudonym of a telephone number; its separators do not matter."""
        digits = "".join(character for character in phone if character.isalnum() or character == "+")
        return self._chain(f"phone|{digits}", "t")

    def for_kept_texts(self) -> KeptPseudonymiser:
        """The same chain, for texts in which numbers were replaced by our pseudonyms before they were kept."""
        return KeptPseudonymiser(self._keys)

    def _chain(self, text: str, kind: str) -> str:
        known = self._known.get(text)
        if known is None:
            known = self.lift(f"{kind}1:{_digest(self._keys[0], text)}", 1)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[text] = known
        return known


class KeptPseudonymiser(Pseudonymiser):
    """Reads kept texts of refused events: where one of our pseudonyms stands for a number, it is taken as it is."""

    def number(self, id_type: str, number: str) -> str:
        """The pseudonym of an identity number, or of one that became its pseudonym when it was kept."""
        kept = self._kept(number)
        return super().number(id_type, number) if kept is None else kept

    def phone(self, phone: str) -> str:
        """The same for a telephone number."""
        kept = self._kept(phone)
        return super().phone(phone) if kept is None else kept

    def _kept(self, text: str) -> str | None:
        found = _KEPT(text.strip())
        return None if found is None else self.lift(text.strip(), int(found[1]))


def is_weak(identity: str) -> bool:
    """Whether a stored identity rests on a bare name."""
    return identity.startswith(WEAK_PREFIX)


def masked(name: str) -> str:
    """What may be shown of a person's name: its first character."""
    name = name.strip()
    return f"{name[0]}*" if name else ""


def _digest(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:_DIGEST_CHARACTERS]
