"""`mapping check`: what it says of a sample, what it never shows, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.sources import SourceError, load_mapping
from monitor.sources.check import check
from monitor.sources.check_fields import HIDDEN, without_numbers
from monitor.sources.check_report import TableReport
from tests.command import Commands

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "data" / "cn_exchange"
EXCHANGE = ROOT / "config" / "mappings" / "cn-exchange.yaml"

SMALL = """\
mapping: small
source: county
joins: {people: {file: people.csv, keys: {code: code}}}
leave_out: [{when: [{column: state, equals: void}], reason: void}]
events:
  - rule: established
    when: [{column: state, in: ["", valid]}]
    type: registration.established
    id: "{code}-{phone}"
    subject: "{code}"
    time: "{day}"
    data:
      name: "{name}"
      kind: {column: kind, map: {p: individual}, otherwise: {use: enterprise}}
      address: {text: "{address}", region: "{county}"}
      phone: "{phone}"
      persons:
        - {from: people, role: {column: role, map: {boss: operator}}, name: "{name}", id_number: "{card}",
           id_type: {column: card, patterns: [{matches: "\\\\d{17}[0-9X]", to: resident_id}], otherwise: {use: other}}}
"""
ROWS = (
    "code,name,kind,address,county,phone,day,state,note\n"
    "aaaa,甲,p,某路1号,330106,13812345678,2024-01-01,,x\n"
    "bbbb,乙,q,某路2号,330106,057188889999,2024-01-02,valid,x\n"
    "bbbb,乙,q,某路2号,330106,057188889999,2024-01-02,valid,x\n"
    "bbbb,丙,q,某路2号,330106,057188889999,2024-01-02,valid,x\n"
    "cccc,丙,q,某路3号,330106,,2999-01-01,valid,x\n"
    "dddd,丁,q,某路4号,330106,1,2999-01-01,valid,x\n"
    "eeee,戊,q,某路5号,330106,1,2024-01-01,strange,x\n"
    "ffff,己,q,某路5号,330106,1,2024-01-01,void,x\n"
    "gggg,short\n"
)
PEOPLE = (
    "code,name,role,card,mail\naaaa,王某某,boss,11010519491231002X,\nbbbb,李某某,boss,E99887766,\nzzzz,赵某某,boss,1,\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("m.yaml", SMALL), ("rows.csv", ROWS), ("people.csv", PEOPLE)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def table_of(folder: Path) -> TableReport:
    (table,) = check(load_mapping(folder / "m.yaml"), folder / "rows.csv").tables
    return table


def test_every_row_and_column_is_accounted_for(folder: Path) -> None:
    report = check(load_mapping(folder / "m.yaml"), folder)
    (table,) = report.tables
    assert (table.rows, table.types, table.repeats, table.no_rule, table.left_out) == (
        9, {"registration.established": 2}, 1, 1, {"void": 1},
    )  # fmt: skip
    assert [(one.line, one.reason, one.columns) for one in table.refused] == [
        (5, "conflicting_repeat", ["code", "phone"]),
        (6, "unmapped_row", ["code", "phone"]),
        (7, "future_time", ["day"]),
        (10, "unmapped_row", []),
    ]
    assert table.unread == ["note"]
    assert [(one.columns, one.value, one.rows) for one in table.unnamed] == [("state", "strange", 1)]
    assert [(one.join, one.found, one.none) for one in table.partners] == [("people", 4, 4)]
    (people,) = report.joined
    assert (people.file, people.rows, people.without_partner, people.unread) == ("people.csv", 3, [4], ["mail"])
    assert (report.accepted, report.refused) == (2, 4)


def test_fields_are_counted_with_examples(folder: Path) -> None:
    (rule,) = table_of(folder).rules
    fields = {one.field: (one.filled, one.empty, one.examples) for one in rule.fields}
    assert fields["subject"] == (2, 0, ["aaaa", "bbbb"])
    assert fields["data.kind"] == (2, 0, ["individual", "enterprise"])
    assert fields["data.address.region"] == (2, 0, ["330106"])
    assert fields["data.persons.role"] == (2, 0, ["operator"])
    assert fields["data.persons.name"] == (2, 0, ["王*", "李*"])
    assert fields["data.persons.id"] == (2, 0, ["p1:…"])
    assert fields["data.phone"] == (2, 0, ["t1:…"])
    # An id that holds a telephone number shows nothing of it.
    assert fields["id"] == (2, 0, [HIDDEN])


def test_no_number_of_a_person_is_shown(folder: Path) -> None:
    commands_text = json.dumps([repr(check(load_mapping(folder / "m.yaml"), folder))], ensure_ascii=False)
    for number in ("11010519491231002X", "E99887766", "13812345678", "057188889999", "王某某", "李某某"):
        assert number not in commands_text
    (kind, card) = table_of(folder).unknown
    assert (kind.columns, kind.value, card.columns, card.value) == ("kind", "q", "people.card", HIDDEN)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("证件 11010519491231002X。", f"证件 {HIDDEN}。"),
        ("440524880101001", HIDDEN),
        ("+86-13812345678", HIDDEN),
        ("0571-88889999", HIDDEN),
        ("91330100716105852F", "91330100716105852F"),
        ("330106 2024-01-01", "330106 2024-01-01"),
    ],
)
def test_numbers_are_known_by_their_form(text: str, shown: str) -> None:
    assert without_numbers(text) == shown


def test_a_folder_without_tables_and_a_file_that_is_none(folder: Path) -> None:
    several = load_mapping(EXCHANGE)
    with pytest.raises(SourceError, match=r"holds no table of the mapping: E_BASEINFO\*"):
        check(several, folder)
    with pytest.raises(SourceError, match=r"nothing\.csv"):
        check(several, folder / "nothing.csv")


@pytest.fixture
def shell(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(folder, tmp_path_factory.mktemp("streams"))
    return commands


def test_the_command_ends_with_1_where_rows_are_refused(shell: Commands) -> None:
    ended = shell.run("mapping", "check", "m.yaml", "rows.csv")
    assert ended.status == 1
    assert ended.told == (
        "credit-monitor: 4 行被拒绝，请改映射或数据后重试 / rows are refused: mend mapping or data, try again\n"
    )
    said = ended.out.decode()
    assert "第 7 行 line，列 column day：时间超前接收时钟" in said
    assert "无人读取的列 columns that nobody reads：note" in said
    assert "无所属 without partner：1 行 rows，第 4 行 lines" in said
    assert "合计 total：事件 events 2，拒绝 refused 4" in said


def test_the_command_ends_with_0_where_all_is_accepted(shell: Commands) -> None:
    lines = ROWS.splitlines(keepends=True)
    (shell.folder / "rows.csv").write_text("".join(lines[:3]), encoding="utf-8")
    assert "events 2，拒绝 refused 0" in shell.good("mapping", "check", "m.yaml", "rows.csv")


def test_json_says_the_same(shell: Commands) -> None:
    ended = shell.run("mapping", "check", "--json", "m.yaml", "rows.csv")
    report: dict[str, Any] = json.loads(ended.out)
    assert (ended.status, report["accepted"], report["refused"]) == (1, 2, 4)
    assert [one["line"] for one in report["tables"][0]["refused"]] == [5, 6, 7, 10]


def test_a_broken_mapping_names_its_place(shell: Commands) -> None:
    (shell.folder / "m.yaml").write_text(SMALL.replace("type: reg", "typ: reg"), encoding="utf-8")
    assert "m.yaml:6 events[0]" in shell.bad("mapping", "check", "m.yaml", "rows.csv")


def test_help_has_an_example_and_wrong_use_ends_with_2(shell: Commands) -> None:
    for arguments in (("mapping", "--help"), ("mapping", "check", "--help")):
        assert "credit-monitor mapping check" in shell.good(*arguments)
    assert shell.run("mapping", "check", "m.yaml").status == 2


def test_the_sample_of_the_exchange_tables() -> None:
    report = check(load_mapping(EXCHANGE), SAMPLE)
    assert (report.accepted, report.refused) == (49, 9)
    tables = {table.table: table for table in report.tables}
    assert {(one.columns, one.value) for one in tables["changes"].unnamed} == {("ALTITEM", "07"), ("ALTITEM", "99")}
    assert {(one.columns, one.value) for one in tables["enterprises"].unknown} == {
        ("ENTTYPE", "ZZZZ"), ("lead.POSITION", "神秘职务"), ("lead.CERTYPE", "X9"),
    }  # fmt: skip
    assert [one.without_partner for one in report.joined] == [[37]]
    assert "330106190001" not in repr(report)
