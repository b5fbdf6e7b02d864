"""The file of channels: what may stand in it, where secrets are, and that none is ever shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from config import channels
from config.channels import Channel, Channels, ChannelsError, Quiet, Quota, Secret
from config.moments import parse_moment
from monitor.runners.activating import of_channels

ROBOT = {"name": "robot", "kind": "dingtalk", "address": {"access_token": {"env": "TOKEN"}}}
HOOK = {"name": "hook", "kind": "webhook", "address": {"url": "https://example.org/x", "secret": {"file": "s"}}}


def read(*written: dict[str, Any], **more: Any) -> channels.Channels:
    return channels.read(json.dumps({"version": 1, "channels": written, **more}), Path("folder"))


def test_the_shipped_file_has_the_pages_alone() -> None:
    shipped = channels.load()
    assert [one.kind for one in shipped.channels] == ["in-app"]
    assert shipped.remote == ()


def test_the_log_takes_any_file_and_no_address() -> None:
    said = of_channels(channels.load(), "O-1")
    (page,) = json.loads(said.content)["channels"]
    assert (said.what, page["kind"], page["quota"]) == ("push", "in-app", None)
    robot = Channel("duty", "dingtalk", address={"webhook": "https://example.org/secret"})
    content = of_channels(Channels(1, (robot,)), "O-1").content
    assert json.loads(content)["channels"][0]["quota"] == [20, 60]
    assert "secret" not in content


def test_what_is_not_said_is_cautious() -> None:
    (robot,) = read(ROBOT).channels
    assert (robot.limit, robot.language, robot.least_level, robot.allow_hosts) == (Quota(20, 60), "zh", 1, ())
    assert read({**ROBOT, "quota": {"count": 2, "seconds": 5}}).channels[0].limit == Quota(2, 5)
    assert set(channels.QUOTAS) == set(channels.schema()["$defs"]["channel"]["properties"]["kind"]["enum"]) - {"in-app"}


@pytest.mark.parametrize(
    ("written", "where"),
    [
        ({**ROBOT, "name": "Robot"}, "channels/0/name"),
        ({**ROBOT, "kind": "pigeon"}, "channels/0/kind"),
        ({**ROBOT, "address": {"access_token": "SEC-written-here"}}, "channels/0/address/access_token"),
        ({**ROBOT, "address": {"access_token": {"env": "A", "file": "b"}}}, "channels/0/address/access_token"),
        ({**ROBOT, "address": {"access_token": {"env": "A"}, "key": "SEC-written-here"}}, "channels/0/address"),
        ({**ROBOT, "regions": ["33010"]}, "channels/0/regions/0"),
        ({**ROBOT, "quiet": {"from": "9:00", "until": "10:00"}}, "channels/0/quiet/from"),
        ({**ROBOT, "timeout": 0}, "channels/0/timeout"),
        ({**HOOK, "address": {**HOOK["address"], "url": "ftp://example.org"}}, "channels/0/address/url"),  # type: ignore[dict-item]
        ({**HOOK, "address": {**HOOK["address"], "url": "https://a:b@example.org"}}, "channels/0/address/url"),  # type: ignore[dict-item]
        ({**HOOK, "address": {**HOOK["address"], "url": "https://example.org/\n"}}, "channels/0/address/url"),  # type: ignore[dict-item]
        ({**HOOK, "address": {**HOOK["address"], "url": "https://例子.org"}}, "channels/0/address/url"),  # type: ignore[dict-item]
        ({"name": "x", "kind": "webhook"}, "channels/0"),
        ({"name": "x", "kind": "in-app", "address": {}}, "channels/0"),
    ],
)
def test_what_is_wrong_is_said_by_its_place_and_without_its_value(written: dict[str, Any], where: str) -> None:
    with pytest.raises(ChannelsError) as caught:
        read(written)
    assert f"at {where}:" in str(caught.value)
    assert "SEC-written-here" not in str(caught.value)


def test_files_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    with pytest.raises(ChannelsError, match="No such file"):
        channels.load(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ChannelsError, match="not UTF-8"):
        channels.load(tmp_path / "binary.yaml")
    with pytest.raises(ChannelsError, match="not YAML"):
        channels.read("a: [", tmp_path)
    with pytest.raises(ChannelsError, match="two channels are called robot"):
        read(ROBOT, ROBOT)
    with pytest.raises(ChannelsError, match="no channel none; there are: robot"):
        read(ROBOT).named("none")


def test_secrets_are_read_where_they_stand_and_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDIT_MONITOR_SECRETS", raising=False)
    (tmp_path / "channels.yaml").write_text(json.dumps({"version": 1, "channels": [ROBOT, HOOK]}))
    found = channels.load(tmp_path / "channels.yaml")
    token, secret = found.channels[0].address["access_token"], found.channels[1].address["secret"]
    for missing in (token, secret):
        with pytest.raises(ChannelsError, match="the secret"):
            missing.value()
    monkeypatch.setenv("TOKEN", "of-the-environment")
    (tmp_path / "s").write_text("beside-the-file\n")
    assert (token.value(), secret.value()) == ("of-the-environment", "beside-the-file")
    other = tmp_path / "secrets"
    other.mkdir()
    (other / "s").write_text("of-the-folder")
    monkeypatch.setenv("CREDIT_MONITOR_SECRETS", str(other))
    assert secret.value() == "of-the-folder"
    shown = f"{found!r} {found} {token!r} {secret} {vars(token)}"
    assert "env:TOKEN" in shown
    assert "of-the" not in shown


def test_names_of_officers_and_fields_are_no_references() -> None:
    fields = {"env": "x", "key": {"env": "KEY"}}
    address = {"url": "https://example.org", "format": "form", "fields": fields, "recipients": {"env": "13800138000"}}
    (sms,) = read({"name": "sms", "kind": "sms", "address": address}).channels
    assert sms.address["recipients"] == {"env": "13800138000"}
    assert sms.address["fields"]["env"] == "x"
    assert isinstance(sms.address["fields"]["key"], Secret)
    (only,) = read({"name": "sms", "kind": "sms", "address": {**address, "fields": {"env": "x"}}}).channels
    assert only.address["fields"] == {"env": "x"}


def test_the_guide_shows_what_can_be_used_and_names_everything() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "push.md").read_text(encoding="utf-8")
    whole, sms, reach = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert [one.kind for one in channels.read(whole, Path()).channels] == ["in-app", "dingtalk"]
    assert channels.read(f"version: 1\nchannels:\n{sms}{reach}", Path()).channels[0].allow_hosts
    rows = {found[0]: found[1] for found in re.findall(r"^\| `([a-z]+)` \| (.*?) \|", guide, re.MULTILINE)}
    kinds = {rule["if"]["properties"]["kind"]["const"]: rule for rule in channels.schema()["$defs"]["channel"]["allOf"]}
    assert set(rows) == set(kinds) - {"in-app"}
    for kind, row in rows.items():
        address = kinds[kind]["then"]["properties"]["address"]
        assert {name for name in address["properties"] if f"`{name}`" not in row} == set()
        assert {name for name in address["required"] if f"`{name}`*" not in row} == set()


@pytest.mark.parametrize(
    ("clock", "night", "noon"),
    [
        *(("20:59", False, False), ("21:00", True, False), ("23:59", True, False), ("00:00", True, False)),
        *(("07:59", True, False), ("08:00", False, False), ("12:00", False, True), ("13:00", False, False)),
    ],
)
def test_quiet_hours_are_those_of_shanghai(clock: str, night: bool, noon: bool) -> None:
    at = parse_moment(f"2026-03-01T{clock}:00+08:00")
    assert Quiet("21:00", "08:00").holds(at) is night
    assert Quiet("12:00", "13:00").holds(at) is noon
    (robot,) = read({**ROBOT, "quiet": {"from": "21:00", "until": "08:00", "breaks": 3}}).channels
    assert robot.least_level_at(at) == (3 if night else 1)
