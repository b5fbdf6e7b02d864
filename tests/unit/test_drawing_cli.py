"""`credit-monitor draw` as an agency, a citizen and an auditor meet it, and the list that it takes from a home."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config.moments import SHANGHAI
from monitor.drawing import DrawError
from monitor.drawing.candidates import Candidate, candidates, logged_in
from monitor.drawing.folder import write_sealed
from monitor.drawing.plan import ListRule
from monitor.drawing.published import COMMITMENT, RESULT, sha256
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.store.home import Home, open_database
from tests.command import ROOT, Commands
from tests.drawing import PLAN, VALUE, example, sealed, some
from tests.engine import KEY, event, lines, opened, read_home, run_file, save

PLACE = {"text": "浙江省杭州市西湖区文三路90号301室", "region": "330106"}
MOVED = {"text": "浙江省杭州市拱墅区莫干山路8号201室", "region": "330105"}
OFFICERS = ("version: 1\nowner: x\nvalid_from: 2026-01-01\nofficers:\n") + "".join(
    f"  - {{id: HZ-{number}, name: 王某, agency: 市场监督管理局, counties: ['330105', '330106']}}\n"
    for number in range(5)
)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture
def shell(commands: Commands, tmp_path: Path) -> Commands:
    commands.folder = tmp_path
    return commands


def at(day: int) -> str:
    return f"2025-02-{day:02}T00:00:00Z"


def filled(home: Path) -> Path:
    """A home with enterprises of every fate."""
    boss = {"role": "operator", "id": "boss"}
    raws = [
        opened("LIVE-1", address=PLACE, industry="F5211", persons=[boss]),
        opened("LIVE-2", address=PLACE, industry="H6210", kind="individual"),
        opened("GONE-1", address=PLACE, industry="F5211"),
        event("GONE-1", "registration.deregistered", at(1)),
        opened("GONE-2", address=PLACE, industry="F5211"),
        event("GONE-2", "registration.revoked", at(1)),
        opened("GONE-3", address=PLACE, industry="F5211"),
        event("GONE-3", "registration.cancelled", at(1)),
        event("NEVER-1", "registration.changed", at(1), address=PLACE, industry="F5211"),
        event("BACK-1", "registration.deregistered", "2024-12-01T00:00:00Z"),
        opened("BACK-1", address=PLACE, industry="F5211"),
        opened("MOVED-1", address=PLACE, industry="F5211"),
        event("MOVED-1", "registration.changed", at(3), address=MOVED, name="乙"),
        event("MOVED-1", "registration.changed", at(2), address=PLACE, name="丙", industry="F5299"),
        opened("ELSEWHERE-1", address={"text": "", "region": "330108"}, industry="F5211"),
    ]
    run_file(home, save(home.parent / "events.jsonl", lines(reversed(raws))))
    return home


def listed(home: Path, rule: ListRule, *counties: str) -> list[Candidate]:
    pseudonyms = Pseudonymiser([KEY])
    return read_home(home, lambda reader: candidates(logged_in(reader.connection, pseudonyms), counties, rule))


def test_the_list_holds_the_live_enterprises_with_their_latest_values(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    everybody = listed(home, ListRule(), "330105", "330106")
    assert [(one.code, one.county, one.industry) for one in everybody] == [
        ("BACK-1", "330106", "F5211"),
        ("LIVE-1", "330106", "F5211"),
        ("LIVE-2", "330106", "H6210"),
        ("MOVED-1", "330105", "F5299"),
    ]
    assert everybody[3].name == "乙"
    assert len(everybody[1].persons) == 1
    assert [one.code for one in listed(home, ListRule(kinds=("individual",)), "330106")] == ["LIVE-2"]
    assert [one.code for one in listed(home, ListRule(industries=("F52", "G")), "330106")] == ["BACK-1", "LIVE-1"]
    assert [one.code for one in listed(home, ListRule(), "330108")] == ["ELSEWHERE-1"]


def test_a_damaged_log_gives_no_list(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    engine = open_database(Home(home).database, read_only=False)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE log SET digest = 'x' WHERE seq = 1")
    engine.dispose()
    with pytest.raises(DrawError, match="damaged"):
        listed(home, ListRule(), "330106")


def test_a_commitment_is_made_from_a_home(shell: Commands) -> None:
    filled(shell.folder / "home")
    tomorrow = dt.datetime.now(SHANGHAI).date() + dt.timedelta(1)
    (shell.folder / "plan.yaml").write_text(PLAN.replace("known_on: 2020-07-10", f"known_on: {tomorrow}"), "utf-8")
    (shell.folder / "officers.yaml").write_text(OFFICERS, "utf-8")
    (shell.folder / "classes.jsonl").write_text(
        '{"subject": "LIVE-1", "class": "D", "points": 9}\n\n{"subject": "OTHER", "class": "A"}\n', "utf-8"
    )
    given = ("--home", "home", "--officers", "officers.yaml", "--classes", "classes.jsonl")
    digest = shell.good("draw", "commit", "plan.yaml", *given, "--out", "q3").strip()
    public, private = shell.folder / "q3" / "public", shell.folder / "q3" / "private"
    assert digest == sha256((public / COMMITMENT).read_text("utf-8"))
    commitment = json.loads((public / COMMITMENT).read_text("utf-8"))
    assert [(one["size"], one["ratio"]) for one in commitment["strata"]] == [(1, "0.3"), (3, "0.03")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private.iterdir()} == {0o600}
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert "LIVE-1" not in "".join(path.read_text("utf-8") for path in public.iterdir())
    before = {path: path.read_bytes() for path in (*public.iterdir(), *private.iterdir())}
    assert "--out" in shell.bad("draw", "commit", "plan.yaml", *given, "--out", "q3")
    assert str(tomorrow) in shell.bad("draw", "make", "q3", "--public-value", VALUE)
    assert "nothing was drawn yet" in shell.bad("draw", "verify", "q3")
    assert {path: path.read_bytes() for path in before} == before
    other = shell.good("draw", "commit", "plan.yaml", *given, "--out", "q4").strip()
    assert other != digest, "seed and key are new each time"


def test_a_draw_is_made_proved_audited_and_exported(shell: Commands) -> None:
    one = sealed(some(60))
    write_sealed(shell.folder / "q3", one)
    assert shell.good("draw", "make", "q3", "--public-value", VALUE) == ""
    assert "drawn already" in shell.bad("draw", "make", "q3", "--public-value", "1")
    folder = shell.folder / "q3" / "public"
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == example()[1]
    (shell.folder / "q3" / "private").rename(shell.folder / "kept")
    assert one.digest in shell.good("draw", "verify", "q3/public", "--commitment", one.digest, "--public-value", VALUE)
    assert "www.sse.com.cn" in shell.run("draw", "verify", "q3").told
    assert "private" in shell.bad("draw", "audit", "q3")
    table = list(csv.DictReader(io.StringIO(shell.good("draw", "export", "q3"))))
    told = json.loads(shell.good("draw", "export", "q3", "--format", "json"))
    assert [row["code"] for row in table] == [row["code"] for row in told["selected"]]
    assert all(
        len(row["officers"]) == 2 and set(row) == {"code", "name", "county", "officers"} for row in told["selected"]
    )
    (shell.folder / "kept").rename(shell.folder / "q3" / "private")
    assert "audited" in shell.good("draw", "audit", "q3")
    (shell.folder / "classes.jsonl").write_text('{"subject": "C00000", "class": "B"}\n', "utf-8")
    assert "C00000" in shell.bad("draw", "audit", "q3", "--classes", "classes.jsonl")
    (folder / RESULT).write_text((folder / RESULT).read_text("utf-8").replace(VALUE, "3456.79"), "utf-8")
    assert RESULT in shell.bad("draw", "verify", "q3")
    assert RESULT in shell.bad("draw", "export", "q3")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "nothing"), "no such folder"),
        (("verify", "."), "plan.yaml"),
        (("make", ".", "--public-value", "1"), "private"),
        (("commit", "bad.bin", "--officers", "o.yaml", "--out", "x", "--home", "h"), "UTF-8"),
        (("commit", "o.yaml", "--officers", "o.yaml", "--out", "x", "--home", "h"), "the plan is wrong"),
        (("commit", "p.yaml", "--officers", "p.yaml", "--out", "x", "--home", "h"), "officers' directory"),
        (("commit", "p.yaml", "--officers", "o.yaml", "--out", "x", "--home", "h"), "credit-monitor run"),
        (("commit", "p.yaml", "--officers", "none.yaml", "--out", "x", "--home", "h"), "none.yaml"),
    ],
)
def test_a_failure_says_what_to_do(shell: Commands, arguments: tuple[str, ...], said: str) -> None:
    (shell.folder / "p.yaml").write_text(PLAN, "utf-8")
    (shell.folder / "o.yaml").write_text(OFFICERS, "utf-8")
    if arguments[0] == "commit":
        (shell.folder / "bad.bin").write_bytes(b"\xff\xfe")
    assert said in shell.bad("draw", *arguments)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "c.jsonl:2"),
        ('{"subject": "X"}', "c.jsonl:2"),
        ("[]", "c.jsonl:2"),
        ('{"subject": "X", "class": "E"}', "'E'"),
        ('{"subject": "LIVE-1", "class": "B"}', "two classes"),
    ],
)
def test_wrong_classes_are_named(shell: Commands, row: str, said: str) -> None:
    (shell.folder / "p.yaml").write_text(PLAN, "utf-8")
    (shell.folder / "o.yaml").write_text(OFFICERS, "utf-8")
    (shell.folder / "c.jsonl").write_text('{"subject": "LIVE-1", "class": "A"}\n' + row + "\n", "utf-8")
    given = ("--home", "h", "--officers", "o.yaml", "--classes", "c.jsonl", "--out", "x")
    assert said in shell.bad("draw", "commit", "p.yaml", *given)


def test_the_documented_way_to_check_by_hand_works(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "sampling.md").read_text("utf-8")
    program = text.split("```python\n")[1].split("```")[0]
    for name, content in example()[1].items():
        (tmp_path / name).write_text(content, "utf-8")
    call = [sys.executable, "-W", "ignore", "-c", program]
    ended = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout == "proved 7\n"
    (tmp_path / RESULT).write_text(example()[1][RESULT].replace("甲", "乙", 1), "utf-8")
    assert "AssertionError" in subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False).stderr


def test_the_help_shows_every_step(shell: Commands) -> None:
    said = shell.good("draw", "--help")
    for step in ("commit", "make", "verify", "audit", "export"):
        assert f" {step} " in said
        assert f"credit-monitor draw {step}" in shell.good("draw", step, "--help")
