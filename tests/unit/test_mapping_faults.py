"""Faults of mapping files: each is told before any row, with its line and place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.sources import MappingError, load_mapping

GOOD = """\
mapping: penalties
source: county
zone: Asia/Shanghai
events:
  - rule: penalised
    type: enforcement.penalised
    id: "{number}"
    subject: "{code}"
    time: "{day}"
    data:
      document: "{number}"
      amount: {column: amount, multiply: 10000}
"""


def spelt(place: str) -> str:
    """A place as messages have it; `E` is short for the first event."""
    return f"m.yaml:{place}".replace(" E", " events[0]")


def faults(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a mapping, each without the folder of the file."""
    path = tmp_path / "m.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        load_mapping(path)
    assert str(caught.value).startswith(caught.value.errors[0])
    return [error.removeprefix(f"{tmp_path}/") for error in caught.value.errors]


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("source: county\n", "", "1", "add what is missing: `source`"),
        ("source:", "sorce:", "1", "did you mean `source`"),
        ("source: county", "source: 12", "2 source", "quote numbers"),
        ("rule: penalised", "rule: Penalised", "5 E.rule", "outside the rules"),
        (
            "enforcement.penalised",
            "enforcement.penalized",
            "6 E.type",
            "did you mean `enforcement.penalised`",
        ),
        ('    id: "{number}"\n', "", "5 E", "add what is missing: `id`"),
        ("multiply: 10000", 'multiply: "10000"', "12 E.data.amount.multiply", "has the wrong type"),
        ("multiply: 10000", "multply: 10000", "12 E.data.amount", "did you mean `multiply`"),
        ("column: amount, ", "", "12 E.data.amount", "exactly one of: column, template, first_of"),
        ("column: amount", "column: amount, template: x", "12 E.data.amount", "exactly one of"),
        (
            "column: amount",
            'column: amount, extract: "("',
            "12 E.data.amount.extract",
            "not a regular expression",
        ),
        ("column: amount", 'column: amount, extract: "x"', "12 E.data.amount", "exactly one group"),
        ("column: amount", 'column: amount, split: ","', "12 E.data.amount", "several values alone"),
        ("column: amount", "column: amount, map: {a: [b, c]}", "12 E.data.amount", "not a list"),
        ("column: amount", "column: amount, at: 25:00", "12 E.data.amount.at", "outside the rules"),
        (
            "column: amount",
            "column: amount, zone: Asia/Hangzhou",
            "12 E.data.amount.zone",
            "unknown time zone",
        ),
        ("zone: Asia/Shanghai", "zone: 上海", "3 zone", "unknown time zone"),
        (
            "amount:",
            "fine:",
            "12 E.data.fine",
            "has no such field；可用 / allowed: document, category, amount",
        ),
        ('      document: "{number}"\n', "", "10 E.data", "requires `document`"),
        ('document: "{number}"', "document: {column: n, multiply: 2}", "11 E.data.document", "numbers alone"),
        ('document: "{number}"', 'document: "{number"', "11 E.data.document", "a brace without its pair"),
        ('document: "{number}"', 'document: "{}"', "11 E.data.document", "column's name is missing"),
        ("    data:", "    when: [{column: a}]\n    data:", "10 E.when[0]", "exactly one of: equals, in"),
        ("    data:", "    when: [{equals: a}]\n    data:", "10 E.when[0]", "belongs with another"),
        (
            "    data:",
            "    when: [{column: a, equals: 1}]\n    data:",
            "10 E.when[0].equals",
            "quote numbers",
        ),
        ("    data:", "    when: [{column: a, before: 2024}]\n    data:", "10 E.when[0].before", ""),
        ("    data:", "    when: []\n    data:", "10 E.when", "outside the rules"),
        ("zone: Asia/Shanghai", "source: twice", "3", "the key `source` stands twice"),
        ("zone: Asia/Shanghai", "zone: [", "5", "not well-formed YAML"),
        ("zone: Asia/Shanghai", "zone: !!python/object:os.system x", "3", "not well-formed YAML"),
        (
            "zone: Asia/Shanghai",
            "joins: {p: {file: ../p.csv, keys: {a: b}}}",
            "3 joins.p.file",
            "outside the rules",
        ),
    ],
)
def test_a_fault_names_its_line_and_place_and_says_what_to_do(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    assert old in GOOD
    found = faults(tmp_path, GOOD.replace(old, new, 1))
    assert any(fault.startswith(spelt(place)) and message in fault for fault in found), found


COMPANY = """\
mapping: companies
source: county
joins: {people: {file: people.csv, keys: {code: company}}}
events:
  - rule: established
    type: registration.established
    id: "{code}"
    subject: "{code}"
    time: "{day}"
    data:
      name: "{name}"
      kind: enterprise
      address: {text: "{address}"}
      persons:
        - {from: people, role: legal_representative, id: "{id}"}
"""


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("kind: enterprise", "kind: company", "12 E.data.kind", "closed list；可用 / allowed: branch"),
        ("legal_representative", "boss", "15 E.data.persons[0].role", "`boss` 不在词表中"),
        (
            "role: legal_representative",
            "role: {column: r, map: {a: boss}}",
            "15 E.data.persons[0].role",
            "`boss`",
        ),
        ("from: people", "from: officers", "15 E.data.persons[0]", "there is no join `officers`"),
        ("role: legal_representative, ", "", "15 E.data.persons[0]", "add what is missing: `role`"),
        (', id: "{id}"', "", "15 E.data.persons[0]", "at least one of: id, id_number, name"),
        (' id: "{id}"', ' id_number: "{id}"', "15 E.data.persons[0]", "belongs with another"),
        ('text: "{address}"', 'txt: "{address}"', "13 E.data.address", "`text`"),
        ('{text: "{address}"}', '"{address}"', "13 E.data.address", "wrong type"),
    ],
)
def test_faults_of_persons_and_addresses(tmp_path: Path, old: str, new: str, place: str, message: str) -> None:
    found = faults(tmp_path, COMPANY.replace(old, new, 1))
    assert any(fault.startswith(spelt(place)) and message in fault for fault in found), found


def test_all_faults_are_found_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, COMPANY.replace("enterprise", "company").replace("legal_representative", "boss"))
    assert len(found) == 2


def test_two_rules_of_one_name(tmp_path: Path) -> None:
    rule = GOOD[GOOD.index("  - rule") :]
    assert "stands twice: rename one" in faults(tmp_path, GOOD + rule)[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "wrong type"),
        (b"\xff\xfe", "UTF-8"),
        (b"&a [*a]", "m.yaml"),
        (b"mapping: m\nsource: s\nevents: &a [{rule: x, data: {a: {first_of: *a}}}]", "m.yaml"),
        (b"- list", "wrong type"),
    ],
)
def test_what_is_no_mapping_at_all(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(content)
    with pytest.raises(MappingError, match=message):
        load_mapping(path)
    with pytest.raises(MappingError, match="无法读取映射文件"):
        load_mapping(tmp_path / "none.yaml")


def test_texts_that_yaml_would_take_for_something_else(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        GOOD.replace(
            "    data:",
            "    when: [{column: a, in: [yes, no, on, 2024-01-01, 12:30, 0x1f, .5]}]\n    data:",
        )
    )
    (condition,) = load_mapping(path).mapping.events[0].when
    assert condition.in_ == ["yes", "no", "on", "2024-01-01", "12:30", "0x1f", ".5"]
