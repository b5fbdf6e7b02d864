"""`credit-monitor address`: what people see, and JSON Lines in and out."""

from __future__ import annotations

import json

import typer
from typer.testing import CliRunner

from monitor.cli.address import address
from monitor.cli.failure import Failure

app = typer.Typer()
app.command()(address)
run = CliRunner()


def test_parts_and_keys_are_shown_in_both_languages() -> None:
    result = run.invoke(app, ["浙江省杭州市西湖区文三路90号东部软件园3幢2单元501室（集群注册）"])
    assert result.exit_code == 0
    assert "县（市、区） county: 浙江省杭州市西湖区" in result.stdout
    assert "房间 room: 2单元 · 501" in result.stdout
    assert "集群注册 cluster" in result.stdout
    assert "房间键 room key: 330106|文三路|90|3幢|2单元|501" in result.stdout


def test_the_reason_is_told_where_there_is_no_room() -> None:
    reasons = {
        "三江街道官河南路8号605室": "several",
        "西湖区文三路90号对面": "near",
        "西湖区文三路": "no number",
        "文" * 600: "longer than",
        "Luxembourg": "no number",
    }
    for text, reason in reasons.items():
        result = run.invoke(app, [text])
        assert result.exit_code == 0
        assert reason in result.stdout, text


def test_the_declared_region_is_used() -> None:
    assert "330324|官河南路|8|605" in run.invoke(app, ["--region", "330324", "三江街道官河南路8号605室"]).stdout


def test_wrong_use_ends_with_two() -> None:
    assert run.invoke(app, []).exit_code == 2
    assert run.invoke(app, ["--jsonl", "西湖区文三路90号"]).exit_code == 2


def test_lines_come_back_with_their_keys() -> None:
    lines = [
        '\ufeff{"id":"a","text":"杭州市西湖区文三路90号501室","note":"unknown fields are ignored"}',
        "",
        '{"id":7,"text":"三江街道官河南路8号605室","region":"330324"}',
        '{"id":"c","text":"西湖区文三路90号旁","region":null}',
    ]
    result = run.invoke(app, ["--jsonl"], input="\n".join(lines))
    assert result.exit_code == 0
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {
            "id": "a",
            "region_code": "330106",
            "building_key": "330106|文三路|90",
            "room_key": "330106|文三路|90|501",
        },
        {
            "id": 7,
            "region_code": "330324",
            "building_key": "330324|官河南路|8",
            "room_key": "330324|官河南路|8|605",
        },
        {"id": "c", "region_code": "330106", "building_key": None, "room_key": None},
    ]


def test_bad_lines_are_named_and_the_rest_goes_on() -> None:
    lines = [
        '{"id":"a","text":"西湖区文三路90号"}',
        "no json",
        '{"id":"b"}',
        '{"id":"c","text":5}',
        '{"id":"d","text":"x1"}',
    ]
    result = run.invoke(app, ["--jsonl"], input="\n".join(lines))
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["a", "d"]
    assert [f"line {number}" in result.stderr for number in (1, 2, 3, 4, 5)] == [False, True, True, True, False]
    assert isinstance(result.exception, Failure)
    assert "3" in str(result.exception)
