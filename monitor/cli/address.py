"""`credit-monitor address`: the parts and keys of an address, for people or as JSON Lines."""

from __future__ import annotations

import sys
from typing import Annotated, BinaryIO, TextIO

import msgspec
import typer

from monitor.addresses import normalise
from monitor.addresses.explanation import Explanation, explain
from monitor.cli.failure import Failure

_PARTS = (
    ("county", "县（市、区） county"),
    ("township", "街道乡镇 township"),
    ("around", "略去的地名 left out"),
    ("place", "路或地点 road or place"),
    ("building", "门牌与楼栋 building"),
    ("room", "房间 room"),
    ("aside", "括号，不计 brackets, left out"),
)
_SHOWN = {
    "cluster": "集群注册 cluster",
    "incubator": "孵化器 incubator",
    "market": "市场 market",
    "platform": "网络平台 platform",
}


class _Line(msgspec.Struct):
    """One line of input; `id` comes back as it was."""

    id: str | int
    text: str
    region: str | None = None


def address(
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT...", help="地址 / addresses")] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="申报的六位县级代码 / declared 6-digit county code")
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help='标准输入每行 {"id","text","region"?} / JSON Lines from standard input'),
    ] = False,
) -> None:
    """解析地址，给出所在县、楼栋键与房间键。 / Shows parts and keys of an address.

    Example: credit-monitor address 浙江省杭州市西湖区文三路90号3幢2单元501室
    """
    if jsonl == bool(texts):
        raise typer.BadParameter("请给出地址，或用 --jsonl / give addresses, or --jsonl", param_hint="TEXT...")
    if not jsonl:
        for text in texts or ():
            sys.stdout.write(_shown(text, explain(text, region)))
        return
    refused = _convert(sys.stdin.buffer, sys.stdout.buffer, sys.stderr)
    if refused:
        raise Failure(
            f"有 {refused} 行无法读取，改正后重试 / {refused} lines could not be read: correct them, run again"
        )


def _shown(text: str, explanation: Explanation) -> str:
    found = explanation.address
    lines = [text]
    lines += [f"  {label}: {explanation.parts[name]}" for name, label in _PARTS if name in explanation.parts]
    if found.shown_kind is not None:
        lines.append(f"  文字显示的类型 shown kind: {_SHOWN[found.shown_kind]}")
    lines.append(f"  县级代码 region: {found.region_code or '无 none'}")
    lines.append(f"  楼栋键 building key: {found.building_key or '无 none'}")
    lines.append(f"  房间键 room key: {found.room_key or '无 none'}")
    if explanation.reason_zh:
        lines.append(f"  无房间键的原因 no room because: {explanation.reason_zh} / {explanation.reason_en}")
    return "\n".join(lines) + "\n"


def _convert(source: BinaryIO, target: BinaryIO, messages: TextIO) -> int:
    """Normalise every line of a source; return how many could not be read. Those are told of and left out."""
    decode = msgspec.json.Decoder(_Line).decode
    encode = msgspec.json.Encoder().encode
    refused = 0
    for number, line in enumerate(source, start=1):
        line = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not line:
            continue
        try:
            asked = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            refused += 1
            messages.write(f"第 {number} 行 / line {number}: {error}\n")
            continue
        found = normalise(asked.text, asked.region)
        target.write(
            encode(
                {
                    "id": asked.id,
                    "region_code": found.region_code,
                    "building_key": found.building_key,
                    "room_key": found.room_key,
                }
            )
            + b"\n"
        )
    target.flush()
    return refused
