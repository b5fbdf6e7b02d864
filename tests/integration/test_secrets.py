"""No number of a person and no phone reaches the disk or a stream, and no name beyond its first character.

Events of every fate carry them: good, repeated, contradicting, refused for every reason, unparsable, too large, rows of
tables. Then everything that lies in the home is read, unpacked, and searched; and all that was printed.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from monitor.events.refusal import REASONS
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.store.home import Home
from tests.command import Commands
from tests.engine import Raw, event, line

OLD, NEW = "a1" * 32, "b2" * 32

RESIDENTS = ("11010519491231002X", "440524188001010014", "11010519491231002x")
PASSPORTS = ("EC9182736", "g55667788", "H12345678")
PHONES = ("13957138888", "0571-87654321", "+86 139 5713 9999")
SURNAMES, GIVEN = ("欧阳", "司徒", "诸葛"), ("雪梅", "志强", "建国")
NAMES = tuple(f"{surname}{given}" for surname, given in zip(SURNAMES, GIVEN, strict=True))


def forms(secret: str) -> set[bytes]:
    """How a secret may be written down: as it is, in either case, without its separators, in other encodings."""
    bare = "".join(character for character in secret if character.isalnum())
    texts = {secret, secret.upper(), secret.lower(), bare, bare.upper(), bare.lower()}
    escaped = {json.dumps(text)[1:-1] for text in texts}
    return {text.encode() for text in texts | escaped} | {text.encode("utf-16-le") for text in texts}


SECRETS = {secret: forms(secret) for secret in (*RESIDENTS, *PASSPORTS, *PHONES)}
SECRETS |= {name: forms(name) | forms(name[2:]) for name in NAMES}


# --- events of every fate


def persons(number: int = 0) -> list[Raw]:
    return [
        {"role": "legal_representative", "id_number": RESIDENTS[number], "id_type": "resident_id", "name": NAMES[0]},
        {"role": "manager", "id_number": f" {PASSPORTS[number]} ", "id_type": "passport", "name": NAMES[1]},
        {"role": "supervisor", "name": NAMES[2]},
        {"role": "director", "id": RESIDENTS[1]},
    ]


def opened(code: str, **more: Any) -> Raw:
    data = {
        "name": "某商行",
        "kind": "enterprise",
        "address": {"text": "浙江省杭州市西湖区文三路90号1幢101室"},
        "persons": persons(),
        "phone": PHONES[0],
    }
    return event(code, "registration.established", "2025-01-01T00:00:00Z", **{**data, **more})


def court(code: str, number: int) -> Raw:
    who = {"id_number": PASSPORTS[number], "id_type": "passport", "name": NAMES[number]}
    return event(code, "court.defaulter_listed", "2025-02-01T00:00:00Z", person=who)


GOOD = [
    *(opened(f"E000{number}", id=str(number), persons=persons(number), phone=PHONES[number]) for number in range(3)),
    *(opened(f"E001{number}", id=str(number)) for number in range(5)),
    event("E0000", "registration.changed", "2025-03-01T00:00:00Z", persons=persons(1), phone=PHONES[1]),
    *(court(f"E000{number}", number) for number in range(3)),
    event("E0000", "court.defaulter_removed", "2025-03-01T00:00:00Z", person={"name": NAMES[2]}),
]


def refused() -> Iterator[bytes]:
    """Lines that intake refuses, all with secrets in them."""
    good = opened("E0009")
    data, who = good["data"], persons()[0]
    changed: tuple[Raw, ...] = (
        {"specversion": "0.3"},
        {"id": ""},
        {"source": None},
        {"type": RESIDENTS[0]},
        {"type": "registration.destroyed"},
        {"type": "supervision.person_named"},
        {"type": "monitor.live"},
        {"subject": "浙江"},
        {"time": RESIDENTS[0]},
        {"time": "2025-01-01T00:00:00"},
        {"time": "9999-01-01T00:00:00Z"},
        {"recordedtime": RESIDENTS[0]},
        {"data": RESIDENTS[0]},
        {"data": None},
        {"data": [data]},
        {"data": {**data, "kind": RESIDENTS[0]}},
        {"data": {**data, "capital": PHONES[0]}},
        {"data": {**data, "phone": 13957138888}},
        {"data": {**data, "phone": [PHONES[0]]}},
        {"data": {**data, "phone": None}},
        {"data": {**data, "unknown": {RESIDENTS[0]: [f"证件号{RESIDENTS[1]}", int(RESIDENTS[1])]}, "kind": None}},
        {"data": {**data, "unknown": {"passport": PASSPORTS[0], "tel": [PHONES[1], PHONES[2]]}, "kind": None}},
        {"data": {**data, "kind": PASSPORTS[1], "capital": PASSPORTS[2]}},
        {"unknown": PASSPORTS[0], "time": "9999-01-01T00:00:00Z"},
        {"time": PASSPORTS[1]},
        {"data": {**data, "persons": NAMES[0]}},
        {"data": {**data, "persons": [*data["persons"], NAMES[1], RESIDENTS[0], {"name": NAMES[2]}]}},
        {"data": {**data, "persons": [{**who, "role": "king"}]}},
        {"data": {**data, "persons": [{**who, "role": None}]}},
        {"data": {**data, "persons": [{**who, "id_type": RESIDENTS[0]}]}},
        {"data": {**data, "persons": [{**who, "id_type": None}]}},
        {"data": {**data, "persons": [{**who, "id_number": int(RESIDENTS[1])}]}},
        {"data": {**data, "persons": [{**who, "id_number": [RESIDENTS[0]]}]}},
        {"data": {**data, "persons": [{**who, "name": [NAMES[0]]}]}},
        {"data": {**data, "persons": [{"role": "operator", "id_number": PASSPORTS[0]}]}},
    )
    for number, changes in enumerate(changed):
        yield line({**good, "id": f"refused-{number}", **changes})
    yield line({**court("E0009", 0), "data": {"person": NAMES[0]}})
    yield line({**court("E0009", 0), "data": {"person": {"name": NAMES[0], "id": 5}}})


def unparsable() -> Iterator[bytes]:
    """Lines that are no JSON, no Unicode, too deep or too large."""
    whole = line(opened("E0009"))
    yield from (whole[:-1], whole[: len(whole) // 2], whole + b"}", b"[" * 90 + whole, whole.replace(b":", b"="))
    yield whole.replace("某商行".encode(), b"\xff\xfe")
    yield whole.replace("某商行".encode(), b"\\ud800")
    yield whole.replace(b'"type": "', b'"type": "no.')[:-3]
    yield opened_text().encode("utf-16")
    yield opened_text().encode("gb18030")
    yield line({**opened("E0009"), "deep": json.loads("[" * 70 + "]" * 70)})
    yield line({**opened("E0009"), "large": "x" * 300_000})
    yield line({**opened("E0009"), "larger": "x" * 1_200_000})
    yield line({"larger": "x" * 1_200_000, **opened("E0009")})


def opened_text() -> str:
    return line(opened("E0009")).decode()


def repeats() -> Iterator[bytes]:
    """The good ones again, written otherwise, and some that contradict them."""
    for one in GOOD:
        yield json.dumps(one).encode()
        yield line({**one, "recordedtime": "2025-04-01T00:00:00Z"})


TABLE = f"""code,name,time,holder,paper,phone
T0001,某店,2025-01-01,{NAMES[0]},{RESIDENTS[0]},{PHONES[0]}
T0002,某店,no date,{NAMES[1]},{RESIDENTS[1]},{PHONES[1]}
T0003,某店,2025-01-01,{NAMES[2]},,{PHONES[2]}
T0004,某店,{RESIDENTS[0]},{NAMES[2]},{RESIDENTS[1]},{PHONES[2]}
"""
MAPPING = """mapping: shops
source: //shops
table:
  files: ["*.csv"]
events:
  - rule: stock
    type: registration.established
    id: "{code}"
    subject: "{code}"
    time: {column: time, format: "%Y-%m-%d"}
    data:
      name: "{name}"
      kind: individual
      address: {text: "浙江省杭州市西湖区文三路90号1幢101室"}
      phone: "{phone}"
      persons:
        - role: operator
          name: "{holder}"
          id_number: "{paper}"
          id_type: resident_id
"""

# --- reading everything


def unpacked(content: bytes) -> Iterator[bytes]:
    """Bytes, and what comes out of every Zstandard frame in them."""
    yield content
    start = content.find(zstandard.FRAME_HEADER if hasattr(zstandard, "FRAME_HEADER") else b"\x28\xb5\x2f\xfd")
    while start >= 0:
        try:
            yield zstandard.ZstdDecompressor().decompressobj().decompress(content[start:])
        except zstandard.ZstdError:
            pass
        start = content.find(b"\x28\xb5\x2f\xfd", start + 1)


def rows_of(database: Path) -> Iterator[bytes]:
    """Every value of every table, also those that spread over several pages of the file."""
    connection = sqlite3.connect(database)
    for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
        for row in connection.execute(f'select * from "{table}"'):  # noqa: S608 -- names from the database itself
            for value in row:
                yield value if isinstance(value, bytes) else str(value).encode()
    connection.close()


def everything_in(home: Path) -> Iterator[tuple[str, bytes]]:
    """All bytes below a home with the names of their places, blobs unpacked."""
    files = sorted(path for path in home.rglob("*") if path.is_file())
    assert {"monitor.db", "monitor.db-wal"} <= {path.name for path in files}
    assert any(path.suffix == ".snapshot" for path in files)
    for path in files:
        for content in unpacked(path.read_bytes()):
            yield path.name, content
    for value in rows_of(home / "monitor.db"):
        for content in unpacked(value):
            yield "a row", content


def found_in(places: Iterable[tuple[str, bytes]]) -> set[tuple[str, str]]:
    """The secrets that are somewhere."""
    return {
        (place, secret)
        for place, content in places
        for secret, written in SECRETS.items()
        if any(form in content for form in written)
    }


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The command, ready to be called."""
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


def outputs(commands: Commands, printed: list[str]) -> Iterator[tuple[str, bytes]]:
    """All that commands print about the home, and what they had printed before."""
    for what, form in itertools.product(("signals", "dead-letters"), ("jsonl", "csv")):
        printed.append(commands.good("export", what, "--home", "home", "--format", form))
    for code in ("E0000", "E0001", "E0009", "T0001"):
        for more in ((), ("--json",)):
            ended = commands.run("explain", code, "--home", "home", *more)
            printed += [ended.out.decode(), ended.told]
    return (("a stream", text.encode()) for text in printed)


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    packed = b"??" + zstandard.compress(b"xx" + RESIDENTS[0].lower().encode()) + b"??"
    found = found_in(("somewhere", content) for content in unpacked(packed))
    assert found == {("somewhere", RESIDENTS[0]), ("somewhere", RESIDENTS[2])}
    assert found_in([("x", "张雪梅".encode())]) == {("x", NAMES[0])}
    assert found_in([("x", json.dumps("欧阳雪梅").encode())]) == {("x", NAMES[0])}


def test_nothing_secret_is_written_or_printed(commands: Commands, tmp_path: Path) -> None:
    commands.folder = tmp_path
    bad = [*refused(), *unparsable()]
    content = b"".join(one + b"\n" for one in [*map(line, GOOD), *bad, *repeats()])
    (tmp_path / "events.jsonl").write_bytes(content)
    (tmp_path / "shops.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "shops.yaml").write_text(MAPPING, encoding="utf-8")
    printed: list[str] = []
    for sources in (("events.jsonl",), ("events.jsonl", "shops.csv")):
        flags = [flag for source in sources for flag in ("--source", source)]
        ended = commands.run("run", *flags, "--mapping", "shops.yaml", "--home", "home", "--once", pseudonym_key=OLD)
        assert (ended.status, ended.out) == (0, b""), ended.told
        printed.append(ended.told)
    home = tmp_path / "home"
    held = sqlite3.connect(home / "monitor.db")  # keeps the write-ahead log from being cleared away
    held.execute("select count(*) from log").fetchone()
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(line(opened("E0008")) + b"\n" + line(opened("E0008"))[:-4] + b"\n")
    commands.good("run", "--source", "events.jsonl", "--home", "home", "--once", pseudonym_key=OLD)
    letters = commands.rows("export", "dead-letters", "--home", "home")
    reasons = {one["reason"] for one in letters}
    # The first is told to senders over HTTP, the second is a defect.
    assert reasons == set(REASONS) - {"foreign_source", "intake_defect"}
    assert len(letters) == len(bad) + len(GOOD) + 2 + 1
    assert found_in(everything_in(home)) == set()
    assert found_in(outputs(commands, printed)) == set()
    held.close()


def test_a_refused_number_is_shown_by_the_pseudonym_under_which_the_person_is_known(
    commands: Commands, tmp_path: Path
) -> None:
    commands.folder = tmp_path
    bad = {**opened("E0009"), "id": ""}
    (tmp_path / "events.jsonl").write_bytes(line(opened("E0001")) + b"\n" + line(bad) + b"\n")
    commands.good("run", "--source", "events.jsonl", "--home", "home", "--once", pseudonym_key=OLD)
    (letter,) = commands.rows("export", "dead-letters", "--home", "home")
    kept = json.loads(letter["text"])["data"]
    known = Pseudonymiser([bytes.fromhex(OLD)])
    assert kept["persons"][0]["id_number"] == known.number("resident_id", RESIDENTS[0])
    assert kept["phone"] == known.phone(PHONES[0])
    assert not letter["masked"]


# --- rotation


def led_by(identity: Raw, *codes: str) -> bytes:
    return b"".join(line(opened(code, persons=[{"role": "operator", **identity}], id="x")) + b"\n" for code in codes)


def test_after_a_rotation_persons_known_by_pseudonym_and_by_number_still_meet(
    commands: Commands, tmp_path: Path
) -> None:
    commands.folder = tmp_path
    source = tmp_path / "events.jsonl"
    number = {"id_number": PASSPORTS[0], "id_type": "passport"}
    pseudonym = {"id": Pseudonymiser([bytes.fromhex(OLD)]).number("passport", PASSPORTS[0])}
    bare = {"name": NAMES[0]}

    def run(key: str) -> dict[str, list[str]]:
        commands.good("run", "--source", "events.jsonl", "--home", "home", "--once", pseudonym_key=key)
        signals = commands.rows("export", "signals", "--home", "home")
        return {
            one["subject"]["key"]: one["enterprises"]
            for one in signals
            if one["detector"] == "one-person-many-enterprises"
        }

    source.write_bytes(led_by(number, "E0001", "E0002") + led_by(pseudonym, "E0003") + led_by(bare, "N0001", "N0002"))
    assert run(OLD) == {}
    for batch in (led_by(number, "E0004"), led_by(pseudonym, "E0005"), led_by(bare, "N0003", "N0004", "N0005")):
        with source.open("ab") as file:
            file.write(batch)
        after = run(f"{OLD},{NEW}")
    five = {tuple(codes) for codes in after.values()}
    assert five == {
        ("E0001", "E0002", "E0003", "E0004", "E0005"),
        ("N0001", "N0002", "N0003", "N0004", "N0005"),
    }
    assert all(key.startswith(("p2:", "name:n2:")) for key in after)
    # The same events again are repeats, not contradictions, although they are pseudonymised under the new keys.
    source.write_bytes(b"\n" + source.read_bytes())
    assert run(f"{OLD},{NEW}") == after
    assert commands.rows("export", "dead-letters", "--home", "home") == []
    assert found_in(everything_or_nothing(tmp_path / "home")) == set()


def everything_or_nothing(home: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(home.rglob("*")):
        if path.is_file():
            for content in unpacked(path.read_bytes()):
                yield path.name, content


@pytest.mark.parametrize("key", [NEW, f"{NEW},{OLD}", f"{NEW},{OLD},{NEW}"])
def test_another_key_is_refused(commands: Commands, tmp_path: Path, key: str) -> None:
    commands.folder = tmp_path
    (tmp_path / "events.jsonl").write_bytes(line(opened("E0001")) + b"\n")
    command = ("run", "--source", "events.jsonl", "--home", "home", "--once")
    commands.good(*command, pseudonym_key=OLD)
    assert "old,new" in commands.bad(*command, pseudonym_key=key)
    commands.good(*command, pseudonym_key=f"{OLD},{NEW}")
    assert "old,new" in commands.bad(*command, pseudonym_key=OLD)


def test_a_home_with_a_key_of_its_own_can_be_rotated(commands: Commands, tmp_path: Path) -> None:
    commands.folder = tmp_path
    (tmp_path / "events.jsonl").write_bytes(line(opened("E0001")) + b"\n")
    command = ("run", "--source", "events.jsonl", "--home", "home", "--once")
    commands.good(*command)
    own = Home(tmp_path / "home").key().hex()
    commands.good(*command, pseudonym_key=f"{own},{NEW}")
    assert "old,new" in commands.bad(*command)
