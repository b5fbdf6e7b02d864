"""Reads a mapping file and finds every fault in it before any row is read.

The YAML is held against ``config/mappings/mapping.schema.json``, then against the event types
(``checks.py``); each message names file, line and place, and says what to do.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Hashable, Iterable, Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from monitor.sources.checks import Fault, faults, zone_faults
from monitor.sources.definition import TABLE_ENDINGS, Mapping, MappingError, MappingFile, Part, Place
from monitor.sources.files import unpacked_name

_OF_ALL_TABLES: Final = ("mapping", "source", "description", "zone")
_TABLE_OPTIONS: Final = ("files", "delimiter", "quote", "encoding", "missing")


def load_mapping(path: Path) -> MappingFile:
    """Reads and checks a mapping file. Raises MappingError with every fault found."""
    try:
        content = path.read_bytes()
    except OSError as failure:
        why = failure.strerror
        raise MappingError([f"{path}：无法读取映射文件 / the mapping cannot be read ({why})"]) from failure
    document, lines = _parsed(content, str(path))
    file = MappingFile(str(path), [], hashlib.sha256(content).hexdigest()[:16], lines)
    try:
        found = [(tuple(leaf.absolute_path), _told(leaf)) for leaf in _broken_rules(document)]
    except RecursionError:
        raise MappingError([f"{path}：锚点引用自身 / an anchor refers to itself"]) from None
    if not found:
        file = msgspec.structs.replace(file, parts=list(_parts(document)))
        found = list(_faults(document, file.parts))
    if found:
        raise MappingError([f"{file.at(place)}：{text}" for place, text in found])
    return file


def is_table(path: Path, mapping: MappingFile) -> bool:
    """Whether a file of a directory is a table of a mapping, and not one that is only joined."""
    return unpacked_name(path).endswith(TABLE_ENDINGS) and mapping.part_for(path.name) is not None


def _parts(document: dict[str, Any]) -> Iterator[Part]:
    """The tables of a document. Beside `tables`, the options in `table` hold wherever a table or join says nothing."""
    if "tables" not in document:
        yield Part("", msgspec.convert(document, Mapping))
        return
    shared: dict[str, Any] = document.get("table", {})
    of_all = {key: value for key, value in document.items() if key in _OF_ALL_TABLES}
    for index, given in enumerate(document["tables"]):
        options = {key: given[key] for key in _TABLE_OPTIONS if key in given}
        joins = {name: shared | join for name, join in given.get("joins", {}).items()}
        rules = {key: given[key] for key in ("leave_out", "events") if key in given}
        one: dict[str, Any] = {**of_all, "table": shared | options, "joins": joins, **rules}
        yield Part(given["table"], msgspec.convert(one, Mapping), ("tables", index))


def _faults(document: dict[str, Any], parts: list[Part]) -> Iterator[Fault]:
    """What is wrong with the tables of a document beyond its schema."""
    yield from zone_faults(("zone",), document.get("zone", "Asia/Shanghai"))
    if "tables" in document and "files" in document.get("table", {}):
        yield ("table", "files"), "`files` 写在各表中 / belongs to each of the tables"
    names = [part.table for part in parts]
    for index, part in enumerate(parts):
        if part.table in names[:index]:
            yield (*part.place, "table"), f"表名 `{part.table}` 重复 / the name stands twice: rename one"
        for place, text in faults(part.mapping):
            yield (*part.place, *place), text


class _Loader(yaml.SafeLoader):
    """YAML in which only true, false, null and plain numbers are no texts: no dates, no `yes`, no octals."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 as the base has it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """As the base class, but a key that stands twice is an error."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and not key.tag.endswith(":merge"):
                text = f"键 `{key.value}` 重复 / the key `{key.value}` stands twice"
                raise yaml.constructor.ConstructorError(None, None, text, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", "-0123456789"),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _parsed(content: bytes, name: str) -> tuple[Any, dict[Place, int]]:
    """The document, and the line on which each part of it stands."""
    try:
        loader = _Loader(content.decode("utf-8"))
        node = loader.get_single_node()
        lines = dict(_line_numbers(node, ())) if node is not None else {}
        return (loader.construct_document(node) if node is not None else None), lines
    except UnicodeDecodeError as error:
        raise MappingError([f"{name}：映射文件须为 UTF-8 / the mapping must be UTF-8 ({error})"]) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MappingError([f"{name}:{line}：YAML 有误 / not well-formed YAML: {error.problem}"]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise MappingError([f"{name}：YAML 有误 / not well-formed YAML: {error}"]) from error


def _line_numbers(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            # The line of a key is where its value begins, for people.
            yield from _line_numbers(value, (*place, key.value))
            yield (*place, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _line_numbers(value, (*place, index))


@cache
def _validator() -> Draft202012Validator:
    text = resources.files("config").joinpath("mappings/mapping.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text), format_checker=FormatChecker(["regex"]))


def _broken_rules(document: Any) -> Iterable[ValidationError]:
    """The faults against the schema, in the order of the file, each as deep as it is certain."""
    found = sorted(_validator().iter_errors(document), key=lambda fault: list(map(str, fault.absolute_path)))
    return [_leaf(fault) for fault in found]


def _leaf(fault: ValidationError) -> ValidationError:
    """Of the ways in which a value may be written, the fault in the one that was begun."""
    while fault.validator == "anyOf" and fault.context:
        if all(one.validator == "required" for one in fault.context):
            return fault
        begun = [one for one in fault.context if one.validator != "type" or one.path]
        if not begun:
            return fault
        fault = begun[0]
    return fault


def _told(fault: ValidationError) -> str:
    """What is wrong and what to do, zh and en."""
    wanted: Any = fault.validator_value
    schema: Any = fault.schema
    given: Any = fault.instance
    if fault.validator == "required":
        missing = "、".join(f"`{key}`" for key in list(wanted) if key not in list(given))
        return f"缺少 {missing}，请补上 / add what is missing: {missing}"
    if fault.validator in ("additionalProperties", "propertyNames"):
        allowed = sorted(schema.get("properties", ()))
        unknown = next((key for key in given if key not in allowed), "")
        near = difflib.get_close_matches(str(unknown), allowed, n=1)
        hint = f"是否指 / did you mean `{near[0]}`?" if near else f"可用 / allowed: {', '.join(allowed)}"
        return f"未知的键 / unknown key `{unknown}`；{hint}"
    if fault.validator in ("oneOf", "anyOf") and all("required" in way for way in wanted):
        ways = ", ".join(way["required"][0] for way in wanted)
        need = "恰好其一 / exactly one of" if fault.validator == "oneOf" else "至少其一 / at least one of"
        return f"须有{need}: {ways}"
    if fault.validator == "dependentRequired":
        return f"缺少相关的键 / a key that belongs with another is missing: {fault.message}"
    if fault.validator in ("type", "anyOf"):
        return f"`{given}` 类型不对，数字形的文本加引号 / has the wrong type; quote numbers that are texts"
    if fault.validator == "enum":
        near = difflib.get_close_matches(str(given), wanted, n=1)
        hint = f"是否指 / did you mean `{near[0]}`?" if near else f"可用 / allowed: {', '.join(map(str, wanted))}"
        return f"`{given}` 不在词表中 / is not in the list；{hint}"
    if fault.validator == "format":
        return f"正则表达式有误 / not a regular expression: `{given}`"
    return f"不合规则 / outside the rules: {fault.message}"
