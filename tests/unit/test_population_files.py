"""The files of a synthetic province: repeatable, well mixed, packed, poisoned on demand; and its command."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import zstandard
from typer.testing import CliRunner

from models.population import mixing, write_province
from models.population.poison import KINDS
from monitor.cli.failure import Failure
from monitor.cli.generate import generate
from tests.reference import intake

RECEIVED = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
REASONS = {
    "unknown-type": "unknown_type",
    "type-in-capitals": "unknown_type",
    "monitors-own-type": "unknown_type",
    "unknown-word": "unknown_word",
    "unknown-result": "unknown_word",
    "unknown-role": "unknown_word",
    "null": "null",
    "missing-field": "missing:address",
    "neither-document-nor-alert": "missing:document|alert",
    "year-as-text": "wrong_type:year",
    "amount-as-text": "wrong_type:amount",
    "no-offset": "no_time:time",
    "truth-as-number": "wrong_type:found",
    "persons-as-object": "wrong_type:persons",
    "no-data": "missing:data",
    "no-date": "wrong_type:until",
    "data-as-list": "wrong_type:data",
    "no-version": "missing:specversion",
    "empty-source": "empty:source",
    "bad-subject": "wrong_value:subject",
    "no-time": "no_time:time",
    "far-ahead": "too_far_ahead",
    "cut-short": "not_json",
    "no-json": "not_json",
    "no-object": "not_an_object",
    "no-unicode": "not_unicode",
    "lone-surrogate": "not_unicode",
    "too-deep": "too_deep",
    "too-large": "too_large",
}
"""What intake must say of each kind, or how that begins."""


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()
    app.command()(generate)
    return app


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    write_province(700, 2, 5, tmp_path / "here", poison=0.01)
    # Another process has another seed for the hashes of texts.
    command = (
        "import sys; from pathlib import Path; from models.population import write_province;"
        "write_province(700, 2, 5, Path(sys.argv[1]), poison=0.01)"
    )
    subprocess.run(
        [sys.executable, "-c", command, str(tmp_path / "there")],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    for name in ("events.jsonl", "truth.jsonl", "ABOUT.json", "README.md"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
    write_province(700, 2, 6, tmp_path / "other", poison=0.01)
    assert (tmp_path / "other" / "events.jsonl").read_bytes() != (tmp_path / "here" / "events.jsonl").read_bytes()


def test_many_small_buckets_hold_the_same_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_province(300, 5, 1, tmp_path / "one")
    monkeypatch.setattr(mixing, "_BUCKET_BYTES", 10_000)
    progress: list[tuple[int, int]] = []
    write_province(300, 5, 1, tmp_path / "many", on_progress=lambda done, total: progress.append((done, total)))
    one, many = ((tmp_path / name / "events.jsonl").read_bytes().splitlines() for name in ("one", "many"))
    assert one != many
    assert sorted(one) == sorted(many)
    assert len(progress) > 50
    assert progress == sorted(progress)
    assert progress[-1] == (300, 300)
    assert sorted(path.name for path in (tmp_path / "many").iterdir()) == [
        "ABOUT.json", "README.md", "events.jsonl", "officers.yaml", "truth.jsonl"
    ]  # fmt: skip


def test_poison_is_refused_and_nothing_else_is(tmp_path: Path) -> None:
    summary = write_province(400, 5, 1, tmp_path, poison=0.05)
    receiver = intake.Intake(RECEIVED)
    lines = (tmp_path / "events.jsonl").read_bytes().split(b"\n")
    for line in lines:
        receiver.receive(line)
    assert set(summary.poison) == set(KINDS)
    assert len(receiver.refusals) == sum(summary.poison.values())
    assert len(receiver.events) == summary.events
    assert summary.lines == summary.events + summary.repeats + sum(summary.poison.values())
    refused = {lines[refusal.line - 1] for refusal in receiver.refusals}
    assert len(refused) == len(receiver.refusals)  # a bad line is never repeated


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_kind_of_poison_is_bad_for_its_own_reason(name: str) -> None:
    receiver = intake.Intake(RECEIVED)
    receiver.receive(KINDS[name]("zzzzzz").encode("utf-8", "surrogateescape"))
    (refusal,) = receiver.refusals
    assert refusal.reason.startswith(REASONS[name])


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_packed_files_hold_the_same_lines(tmp_path: Path, packing: mixing.Compression) -> None:
    write_province(200, 2, 1, tmp_path)
    plain = (tmp_path / "events.jsonl").read_bytes()
    summary = write_province(200, 2, 1, tmp_path, compress=packing)
    packed = (tmp_path / f"events.jsonl.{packing}").read_bytes()
    unpacked = (
        gzip.decompress(packed) if packing == "gz" else zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    )
    assert unpacked == plain
    assert summary.bytes == len(packed) < len(plain) / 4
    assert not (tmp_path / "events.jsonl").exists()  # one province to a folder


@pytest.mark.parametrize(
    ("enterprises", "years", "seed", "poison"),
    [(0, 5, 1, 0), (10, 0, 1, 0), (10, 51, 1, 0), (10, 5, -1, 0), (10, 5, 1, 2)],
)
def test_arguments_out_of_range_are_refused(
    tmp_path: Path, enterprises: int, years: int, seed: int, poison: float
) -> None:
    with pytest.raises(ValueError, match="needs enterprises"):
        write_province(enterprises, years, seed, tmp_path / "none", poison=poison)
    assert not (tmp_path / "none").exists()


def test_the_end_can_be_chosen(tmp_path: Path) -> None:
    summary = write_province(100, 2, 1, tmp_path, end=dt.date(2024, 2, 29))
    times = [json.loads(line)["time"] for line in (tmp_path / "events.jsonl").read_bytes().splitlines()]
    assert max(times) == "2024-02-29T23:59:00+08:00"
    assert json.loads((tmp_path / "ABOUT.json").read_bytes())["arguments"]["end"] == "2024-02-29"
    assert summary.enterprises == 100


def test_the_command_writes_a_province_and_tells_it_on_standard_error(tmp_path: Path, command: typer.Typer) -> None:
    flags = "--enterprises 120 --years 2 --seed 3 --poison 0.1 --compress zst --end 2025-06-30 --out".split()
    ran = CliRunner().invoke(command, [*flags, str(tmp_path / "by-command")])
    assert ran.exit_code == 0
    assert ran.stdout == ""
    assert "120" in ran.stderr
    assert "虚构" in ran.stderr
    summary = write_province(120, 2, 3, tmp_path / "by-call", poison=0.1, compress="zst", end=dt.date(2025, 6, 30))
    assert f"{summary.events:,}" in ran.stderr
    for name in ("events.jsonl.zst", "truth.jsonl", "ABOUT.json", "README.md"):
        assert (tmp_path / "by-command" / name).read_bytes() == (tmp_path / "by-call" / name).read_bytes()


@pytest.mark.parametrize("wrong", ["--enterprises 0", "--years 51", "--seed -1", "--poison 2", "--end 2025-02-30"])
def test_wrong_use_of_the_command_exits_with_2(tmp_path: Path, command: typer.Typer, wrong: str) -> None:
    flags = f"--enterprises 10 --years 1 --seed 1 {wrong} --out".split()
    assert CliRunner().invoke(command, [*flags, str(tmp_path / "out")]).exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_a_failure_of_one_line(tmp_path: Path, command: typer.Typer) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    flags = "--enterprises 10 --years 1 --seed 1 --out".split()
    ran = CliRunner().invoke(command, [*flags, str(tmp_path / "file" / "out")])
    assert isinstance(ran.exception, Failure)
    assert str(ran.exception).startswith("无法写入")
    assert len(str(ran.exception).splitlines()) == 1
