"""Intake decides once: from a line of bytes to an accepted event, or a refusal. The first stage of the flow.

Here and nowhere else an event is refused, a number becomes a pseudonym, and the machine's clock is looked at
(contract §1). What comes out is what the log keeps.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any, Final
from zlib import crc32

import msgspec
from msgspec import UNSET

from config.moments import DAY, MissingOffsetError, parse_moment
from monitor.events import types
from monitor.events.data import Identity
from monitor.events.refusal import Refusal, defect, from_decode_error, shown, type_of
from monitor.events.types import Event
from monitor.events.vocabulary import CLOCK_SUBJECT
from monitor.identifiers.pseudonyms import Pseudonymiser, masked

log = logging.getLogger(__name__)

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 64
MAX_AHEAD: Final = DAY

_BOM: Final = b"\xef\xbb\xbf"
_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""An escape in a JSON text; the group is there for a surrogate without its other half."""
_NONCHARACTER: Final = "\uffff"
_TELL_DEFECTS: Final = 10
"""So many lines that bring out a defect are told of one by one; the page and the export show them all."""


_ESTABLISHED: Final = types.Established
_CHANGED: Final = types.Changed
_encode: Final = types.encode_logged
_TO_FINISH: Final = frozenset(
    {
        types.Established,
        types.Changed,
        types.CourtListed,
        types.CourtRemoved,
        types.ObjectionFiled,
        types.ObjectionDecided,
        types.Ticked,
    }
)
"""Types that hold identities, or of which there is more to check than a type can say."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A well-formed event before it is known whether it came before.

    `packed` is what the log keeps of it, `content` the CRC-32 of its known fields.
    """

    event: Event
    at: int
    packed: bytes
    content: int


class Intake:
    """Reads, checks and pseudonymises single events. What it finds depends on its keys alone."""

    def __init__(self, pseudonyms: Pseudonymiser) -> None:
        """`pseudonyms`: makes the pseudonyms of what is accepted."""
        self.pseudonyms = pseudonyms
        self._defects = 0
        self._decode = msgspec.json.Decoder(types.PublicEvent).decode

    def read(self, line: bytes, received: int) -> Candidate | None:
        """The event of a line received at a moment, or None where the line is blank. Raises Refusal, also where the
        line brings out a defect of ours: it waits for the fix, and everything else goes on.
        """
        try:
            return self._read(line, received)
        except (Refusal, MemoryError):
            raise
        except Exception as error:
            refusal = defect(error)
            self._defects += 1
            if self._defects <= _TELL_DEFECTS:
                log.error(
                    "程序缺陷，该行转入死信，其余继续 / a defect: a line could not be read and is a dead letter: %s",
                    refusal.detail,
                )
            raise refusal from error

    def _read(self, line: bytes, received: int) -> Candidate | None:
        if len(line) > MAX_BYTES:
            line = line.strip()  # what stands around an event is no part of it
            if len(line) > MAX_BYTES:
                raise Refusal("too_large", f"{len(line):,} bytes")
        try:
            if not line.isascii():
                line.decode("utf-8")
            event = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if line.startswith(_BOM) and not line.startswith(_BOM, len(_BOM)):
                return self._read(line[len(_BOM) :], received)
            if not line.strip():
                return None
            mended = self._around_surrogates(line, error)
            if mended is None:
                raise self._refusal(line, error) from error
            event = mended
        if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
            raise Refusal("too_deep")
        at = _moment_of(event.time, "time")
        if at > received + MAX_AHEAD:
            raise Refusal("future_time", str(event.time))
        event.time = at
        if event.recordedtime is not UNSET:
            event.recordedtime = _moment_of(event.recordedtime, "recordedtime")
        if type(event) in _TO_FINISH:
            self._finish(event)
        try:
            packed = _encode(event)
        except OverflowError as error:
            raise Refusal("wrong_type", "a whole number beyond 64 bits") from error
        return Candidate(event, at, packed, crc32(packed) or 1)

    def _finish(self, event: Event) -> None:
        """What differs by type: numbers become pseudonyms, and the few rules that a type cannot say."""
        kind = type(event)
        if kind is _ESTABLISHED or kind is _CHANGED:
            data = event.data
            if data.persons is not UNSET:
                for person in data.persons:
                    self._pseudonymise(person)
            if data.phone is not UNSET and data.phone:
                data.phone = self.pseudonyms.phone(data.phone)
        elif kind is types.CourtListed or kind is types.CourtRemoved:
            if event.data.person is not UNSET:
                self._pseudonymise(event.data.person)
        elif kind is types.ObjectionFiled or kind is types.ObjectionDecided:
            if event.data.document is UNSET and event.data.alert is UNSET:
                raise Refusal("missing_field", "data.document or data.alert")
        elif kind is types.Ticked and event.subject != CLOCK_SUBJECT:
            raise Refusal("invalid_subject", f"the subject of {types.type_name(event)} is `{CLOCK_SUBJECT}`")

    def _pseudonymise(self, person: Identity) -> None:
        """In place: `id` becomes the pseudonym, `name` its masked label, the number goes."""
        given, number, id_type, name = person.id, person.id_number, person.id_type, person.name
        if given is not UNSET and given:
            person.id = self.pseudonyms.given(given)
        elif number is not UNSET and id_type is UNSET:
            raise Refusal("missing_field", "`id_number` comes with `id_type`")
        elif number is not UNSET and id_type is not UNSET and number.strip():
            person.id = self.pseudonyms.number(id_type, number)
        elif name is not UNSET and name.strip():
            person.id = self.pseudonyms.name(name)
        elif given is UNSET and number is UNSET and name is UNSET:
            raise Refusal("missing_field", "a person has `id`, `id_number` or `name`")
        else:
            person.id = UNSET
        person.id_number = UNSET
        person.id_type = UNSET
        person.name = masked(name) if name is not UNSET else UNSET

    def _around_surrogates(self, line: bytes, error: Exception) -> Event | None:
        """The event of a line that only fails by lone surrogates in unknown fields, which may hold anything."""
        if isinstance(error, msgspec.ValidationError) or b"\\u" not in line:
            return None
        escaped = _NONCHARACTER.encode("ascii", "backslashreplace")
        mended = _ESCAPE.sub(lambda escape: escaped if escape[1] else escape[0], line)
        try:
            event: Event = self._decode(mended)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return None if _NONCHARACTER.encode() in msgspec.json.encode(event) else event

    @staticmethod
    def _refusal(line: bytes, error: Exception) -> Refusal:
        """The most telling reason: depth and Unicode are looked for before grammar."""
        refusal = from_decode_error(error)
        if refusal.reason == "unknown_type":
            try:
                refusal = _refused_type(type_of(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
                refusal = from_decode_error(broken)
        if refusal.reason == "not_json" and _has_lone_surrogate(line):
            return Refusal("not_unicode", refusal.detail)
        if refusal.reason != "not_unicode" and _depth(line) > MAX_DEPTH:
            return Refusal("too_deep")
        return refusal


def content_of(event: Event) -> int:
    """The CRC-32 of a logged event's known fields, never 0."""
    return crc32(types.encode_logged(event)) or 1


def lift_event(event: Event, pseudonyms: Pseudonymiser, generation: int) -> None:
    """After a rotation of keys: a logged event's pseudonyms of an older generation become those of the newest."""
    data = event.data
    persons: list[Identity] = []
    if type(event) is types.Established or type(event) is types.Changed:
        if data.persons is not UNSET:
            persons += data.persons
        if data.phone is not UNSET and data.phone:
            data.phone = pseudonyms.lift(data.phone, generation)
    elif (type(event) is types.CourtListed or type(event) is types.CourtRemoved) and data.person is not UNSET:
        persons.append(data.person)
    for person in persons:
        if person.id is not UNSET:
            person.id = pseudonyms.lift(person.id, generation)


def _moment_of(text: str | int | object, field: str) -> int:
    if type(text) is not str:
        raise Refusal("wrong_type", f"`{field}` is a text")
    if not text:
        raise Refusal("empty_text", f"`{field}`")
    try:
        return parse_moment(text)
    except MissingOffsetError:
        raise Refusal("missing_offset", f"`{field}`: {shown(text)}") from None
    except (ValueError, OverflowError):
        raise Refusal("invalid_time", f"`{field}`: {shown(text)}") from None


def _depth(line: bytes) -> int:
    """How deep arrays and objects are nested, strings left out. Linear in the line."""
    deepest = depth = 0
    in_text = escaped = False
    for byte in line:
        if in_text:
            if escaped:
                escaped = False
            elif byte == _BACKSLASH:
                escaped = True
            elif byte == _QUOTE:
                in_text = False
        elif byte == _QUOTE:
            in_text = True
        elif byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSING:
            depth -= 1
    return deepest


def _has_lone_surrogate(line: bytes) -> bool:
    try:
        json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return False


def _refused_type(kind: Any) -> Refusal:
    """Why a `type` that is none of the public ones is refused."""
    if not isinstance(kind, str):
        return Refusal("null_field" if kind is None else "wrong_type", "`type` is a text")
    if not kind:
        return Refusal("empty_text", "`type`")
    reserved = kind in types.OWN_TYPES or kind.startswith("supervision.")
    return Refusal("reserved_type" if reserved else "unknown_type", shown(kind))
