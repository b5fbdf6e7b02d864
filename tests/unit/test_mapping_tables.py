"""Several tables in one mapping, what a row reads of the rows joined to it, and several values in one text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.sources import MappingError, SourceError, load_mapping, open_source
from tests.unit.reading_sources import Opener, chunks_of, events_of, opener_in, told_of

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "config" / "mappings" / "mapping.schema.json").read_text("utf-8"))

REGISTER = """\
mapping: register
source: county
table: {encoding: gb18030, missing: ["NULL"]}
tables:
  - table: companies
    files: ["companies*"]
    joins:
      first:
        file: "changes*"
        keys: {number: number}
        when: [{column: item, equals: address}, {column: before, differs: after}]
        order: {column: day, format: "%Y/%m/%d"}
        optional: true
    events:
      - rule: established
        type: registration.established
        id: "est:{number}"
        subject: "{code}"
        time: "2020-01-01"
        data:
          name: "{name}"
          kind: {column: kind, map: {p: individual}, otherwise: {use: enterprise}}
          address: {text: {first_of: ["{first.before}", "{address}"]}}
          capital: {column: capital, when: [{column: currency, equals: CNY}], multiply: 10000}
          persons: []
  - table: changes
    files: ["changes*"]
    joins:
      companies: {file: "companies*", keys: {number: number}}
      people: {file: people.csv, keys: {number: number, after: name}, optional: true}
    leave_out:
      - {when: [{not: {column: before, differs: after}}], reason: same}
    events:
      - rule: moved
        when: [{column: item, equals: address}, {column: companies.kind, empty: false}]
        type: registration.changed
        id: "alt:{companies.code}:{day}"
        subject: "{companies.code}"
        time: {column: day, format: "%Y/%m/%d"}
        data: {address: {text: "{after}"}}
      - rule: led
        when: [{column: item, equals: boss}]
        type: registration.changed
        id: "led:{number}:{day}"
        subject: "{companies.code}"
        time: {column: day, format: "%Y/%m/%d"}
        data:
          persons:
            - {from: people, role: legal_representative, id: "{person}"}
            - {when: [{column: people.person, empty: true}], role: legal_representative, name: "{after}"}
"""
COMPANIES = (
    "number,code,name,kind,address,capital,currency\n"
    "1,aaaa,甲,p,丙路3号,5,CNY\n"
    "2,bbbb,乙,q,丁路4号,5,NULL\n"
    "3,NULL,无,x,戊路5号,,\n"
)
CHANGES = (
    "number,item,before,after,day\n"
    "1,address,乙路2号,丙路3号,2022/10/1\n"
    "1,address,甲路1号,乙路2号,2022/9/1\n"
    "1,address,丙路3号,丙路３号 ,2023/1/1\n"
    "1,boss,张一,李二,2022/1/1\n"
    "2,boss,张一,王五,2022/1/1\n"
    "2,address,某路,丁路4号,2022/1/2\n"
    "9,address,某路,某处,2022/1/2\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "register").mkdir()
    (tmp_path / "m.yaml").write_text(REGISTER, encoding="utf-8")
    for name, text in (("companies.csv", COMPANIES), ("changes.csv", CHANGES)):
        (tmp_path / "register" / name).write_text(text, encoding="gb18030")
    return tmp_path


def events_by_id(folder: Path) -> dict[str, dict[str, object]]:
    sources = open_source(str(folder / "register"), folder / "m.yaml")
    found = [event for source in sources for event in events_of(chunks_of(source))]
    return {event["id"]: event for event in found}


def test_one_mapping_reads_a_folder_of_tables(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "register" / "people.csv").write_text("number,name,person\n1,李二,p:2\n", encoding="gb18030")
    (folder / "register" / "other.csv").write_text("a\n", encoding="gb18030")
    events = events_by_id(folder)
    assert sorted(events) == [
        "alt:aaaa:2022/10/1", "alt:aaaa:2022/9/1", "alt:bbbb:2022/1/2",
        "est:1", "est:2", "led:1:2022/1/1", "led:2:2022/1/1",
    ]  # fmt: skip
    # Joined tables are read, and not named among the files that are not.
    assert "1 files are not read: other.csv" in caplog.text


def test_an_establishment_knows_what_stood_before_the_first_change(folder: Path) -> None:
    events = events_by_id(folder)
    data = {key: event["data"] for key, event in events.items()}
    assert data["est:1"] == {
        "name": "甲", "kind": "individual", "address": {"text": "甲路1号"}, "capital": 50000, "persons": [],
    }  # fmt: skip
    # An unknown kind is an enterprise; a currency that is not told is not taken for yuan.
    assert data["est:2"] == {"name": "乙", "kind": "enterprise", "address": {"text": "某路"}, "persons": []}
    assert events["alt:aaaa:2022/9/1"]["subject"] == "aaaa"


def test_a_person_that_a_row_names_is_found_by_the_name(folder: Path) -> None:
    def persons(event: str) -> object:
        return events_by_id(folder)[event]["data"]

    assert persons("led:1:2022/1/1") == {"persons": [{"role": "legal_representative", "name": "李二"}]}
    (folder / "register" / "people.csv").write_text("number,name,person\n1,李二,p:2\n2,李二,p:3\n", "gb18030")
    assert persons("led:1:2022/1/1") == {"persons": [{"role": "legal_representative", "id": "p:2"}]}
    assert persons("led:2:2022/1/1") == {"persons": [{"role": "legal_representative", "name": "王五"}]}


def test_what_one_table_lacks_is_told_with_its_line(folder: Path) -> None:
    (table,) = open_source(str(folder / "register" / "companies.csv"), folder / "m.yaml")
    chunks = chunks_of(table)
    assert told_of(chunks) == [(4, "subject (code)：无值 / no value")]
    (changes,) = open_source(str(folder / "register" / "changes.csv"), folder / "m.yaml")
    assert len(events_of(chunks_of(changes))) == 5
    told = ["1 行舍弃 / rows left out：same", "1 行不符合任何规则 / rows for which no rule holds"]
    assert changes.notes() == [f"{changes.name}：{one}" for one in told]


def test_several_files_are_one_joined_table(folder: Path) -> None:
    (folder / "register" / "companies-2.csv").write_text(
        "number,code,name,kind,address,capital,currency\n9,cccc,丙,q,己路6号,,\n", encoding="gb18030"
    )
    assert events_by_id(folder)["alt:cccc:2022/1/2"]["subject"] == "cccc"


def test_a_file_of_no_table_and_a_join_that_must_be_there(folder: Path) -> None:
    (folder / "register" / "people.csv").write_text("number,name,person\n", encoding="gb18030")
    with pytest.raises(SourceError, match=r"no table of the mapping has files of this name: companies\*, changes\*"):
        open_source(str(folder / "register" / "people.csv"), folder / "m.yaml")
    (folder / "register" / "companies.csv").unlink()
    with pytest.raises(SourceError, match=r"put the joined table beside it: companies\* .*m.yaml:29 tables\[1\]"):
        open_source(str(folder / "register" / "changes.csv"), folder / "m.yaml")


def test_a_broken_row_of_a_table_is_told_by_that_table_alone(folder: Path) -> None:
    with (folder / "register" / "companies.csv").open("a", encoding="gb18030") as file:
        file.write("4,dddd\n")
    told = [told_of(chunks_of(source)) for source in open_source(str(folder / "register"), folder / "m.yaml")]
    assert told == [[], [(4, "subject (code)：无值 / no value"), (5, "应有 7 列，实有 2 列 / 2 fields instead of 7")]]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  - table: changes", "  - table: companies", "tables[1].table：表名 `companies` 重复"),
        ("encoding: gb18030", 'files: ["*"]', "table.files：`files` 写在各表中"),
        ('    files: ["changes*"]\n', "", "add what is missing: `files`"),
        ("source: county", "source: county\nevents: []", "exactly one of: events, tables"),
        ("source: county", "source: county\nleave_out: []", "belongs with another is missing"),
        ("otherwise: {use: enterprise}", "otherwise: {use: firm}", "`firm` 不在词表中"),
        ("otherwise: {use: enterprise}", "otherwise: drop", "tables[0].events[0].data.kind.otherwise"),
        ("order: {column: day", "order: {col: day", "did you mean `column`"),
        ("differs: after}]", "differs: 1}]", "quote numbers"),
        ("column: capital,", 'column: capital, find: ".",', "`find` 只用于可有多个值的字段"),
    ],
)
def test_faults_of_several_tables(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in REGISTER
    (tmp_path / "m.yaml").write_text(REGISTER.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        load_mapping(tmp_path / "m.yaml")
    assert any(said in error for error in caught.value.errors), caught.value.errors


def test_the_schema_takes_both_forms_and_no_mixture() -> None:
    rule = {"rule": "r", "type": "tax.regular", "id": "{a}", "subject": "{a}", "time": "{t}", "data": {}}
    head = {"mapping": "m", "source": "s"}
    one, several = {"events": [rule]}, {"tables": [{"table": "t", "files": ["t*"], "events": [rule]}]}
    valid = Draft202012Validator(SCHEMA).is_valid
    assert [valid(head | form) for form in (one, several, {}, one | several)] == [True, True, False, False]


INSPECTIONS = """
mapping: inspections
source: county
events:
  - rule: inspected
    type: enforcement.inspected
    id: "{id}"
    subject: "{code}"
    time: "{day}"
    data:
      results:
        column: result
        find: "1[0-2]|[0-9A-Za-z]|[^\\\\s,;0-9A-Za-z][^,;]*"
        map: {"1": none_found, "4": unreachable, B: not_disclosed, "12": null}
        patterns: [{matches: ".*联系.*", to: unreachable}]
"""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    with opener_in(tmp_path) as opener:
        yield opener


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("14", ["none_found", "unreachable"]),
        ("1,4", ["none_found", "unreachable"]),
        ("4 1;4", ["unreachable", "none_found"]),
        ("1B12", ["none_found", "not_disclosed"]),
        ("通过登记的住所（经营场所）无法联系;B", ["unreachable", "not_disclosed"]),
        ("19", None),
        ("12", None),
    ],
)
def test_several_values_in_one_text(opened: Opener, text: str, results: list[str] | None) -> None:
    chunks = chunks_of(opened(f'id,code,day,result\n1,aaaa,2025-01-01,"{text}"\n', INSPECTIONS, "i.csv"))
    assert [event["data"]["results"] for event in events_of(chunks)] == ([results] if results else [])
    assert len(told_of(chunks)) == (results is None)
