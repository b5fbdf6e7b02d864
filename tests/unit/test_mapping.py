"""Mapping files: the shipped ones are valid, the schema fits the event types, and the guide is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from monitor.events import types
from monitor.sources import Position, load_mapping
from monitor.sources.shapes import shapes_of
from monitor.sources.tables import TableSource

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "config" / "mappings").glob("*.yaml"))
SCHEMA = json.loads((ROOT / "config" / "mappings" / "mapping.schema.json").read_text("utf-8"))

COMPARED = """\
mapping: penalties
source: county
events:
  - rule: penalised
    when: [{column: day, not_before: {column: from}}]
    type: enforcement.penalised
    id: "{number}"
    subject: "{code}"
    time: "{day}"
    data: {document: "{number}"}
"""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_mappings_are_valid(path: Path) -> None:
    assert load_mapping(path).mapping.mapping == path.stem


def test_there_are_four_shipped_mappings() -> None:
    assert [path.stem for path in SHIPPED] == ["cn-exchange", "fr-bodacc", "tw-facilities", "tw-penalties"]


def test_the_schema_is_one_and_knows_exactly_the_public_types() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$defs"]["event"]["properties"]["type"]["enum"] == list(types.PUBLIC_TYPES)


@pytest.mark.parametrize("name", sorted(types.PUBLIC_TYPES))
def test_every_field_of_every_type_has_a_shape(name: str) -> None:
    shapes = shapes_of(name)
    (data,) = (one.type for one in msgspec.structs.fields(types.PUBLIC_TYPES[name]) if one.name == "data")
    assert set(shapes) == set(data.__struct_fields__)


def test_a_date_is_compared_with_another_column(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(COMPARED, encoding="utf-8")
    table = tmp_path / "t.csv"
    table.write_text("number,code,day,from\n1,a,2024-01-02,2024-01-02\n2,a,2024-01-01,2024-01-02\n")
    chunk = TableSource(table, "t.csv", load_mapping(path)).read(Position(), 1000)
    assert [json.loads(line)["id"] for line in chunk.lines] == ["1"]


def test_the_worked_example_of_the_guide(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "mappings.md").read_text(encoding="utf-8")
    blocks = {
        kind: re.findall(rf"^```{kind}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        for kind in ("csv", "yaml", "json", "text")
    }
    companies, people = blocks["csv"]
    (mapping,), (expected,), (refused,) = blocks["yaml"], blocks["json"], blocks["text"]
    for name, content in (("companies.csv", companies), ("people.csv", people), ("county.yaml", mapping)):
        (tmp_path / name).write_text(content, encoding="utf-8")
    source = TableSource(tmp_path / "companies.csv", "companies.csv", load_mapping(tmp_path / "county.yaml"))
    chunk = source.read(Position(), 1 << 20)
    source.close()
    accepted = [line.decode() for index, line in enumerate(chunk.lines) if index not in chunk.problems]
    assert [json.loads(line) for line in accepted] == [json.loads(line) for line in expected.splitlines()]
    told = [f"{source.name}:{chunk.number(index)} {why}" for index, why in chunk.problems.items()]
    assert told == refused.splitlines()
    assert source.tally.left_out == {"没有统一社会信用代码 / no code": 1}


def test_the_guide_names_every_key_of_a_value_and_of_a_condition() -> None:
    text = (ROOT / "docs" / "mappings.md").read_text(encoding="utf-8")
    keys = {
        *SCHEMA["properties"],
        *SCHEMA["$defs"]["worked_value"]["properties"],
        *SCHEMA["$defs"]["condition"]["properties"],
        *SCHEMA["$defs"]["table"]["properties"],
        *SCHEMA["$defs"]["join"]["properties"],
        *SCHEMA["$defs"]["one_of_tables"]["properties"],
        *SCHEMA["$defs"]["event"]["properties"],
        *SCHEMA["$defs"]["person"]["properties"],
    }
    unnamed = {key for key in keys if not re.search(rf"\b{key}\b", text)}
    assert unnamed == {"description"}
