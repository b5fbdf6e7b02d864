"""Channels over HTTP against servers that speak their protocols: what is accepted, what is refused, what is told."""

from __future__ import annotations

import email.utils
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from monitor.push.channel import Letter, PushError
from monitor.push.opening import open_line
from tests import push_servers
from tests.push_servers import Gateway, Reply, Server, serving
from tests.unit.push_channels import KEYS, LETTER, SECRET, channel, now, refusal, send


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def failing() -> Iterator[Server]:
    """A server whose judge a test sets."""
    with serving(lambda server: lambda got: Reply(500)) as server:
        yield server


def hook(server: Server, **more: Any) -> dict[str, Any]:
    return {"url": f"{server.url}/hook", "secret": {"env": "SIGN"}, **more}


# -- robots


def test_dingtalk_takes_a_signed_letter_and_refuses_a_wrong_secret() -> None:
    with serving(push_servers.dingtalk(KEYS["TOKEN"], SECRET)) as server:
        address = {"url": f"{server.url}/robot/send", "access_token": {"env": "TOKEN"}, "secret": {"env": "SIGN"}}
        receipt = send("dingtalk", address)
        assert json.loads(receipt.answer) == {"errcode": 0, "errmsg": "ok"}
        assert server.texts == ["新任务 T-001\n张＊，三级"]
        wrong = refusal("dingtalk", {**address, "secret": {"env": "TOKEN"}})
        assert "310000" in str(wrong)
        assert wrong.rests
        assert "sign not match for ＊" in str(wrong)  # what the other side repeats of a token is not told either
        assert "310000" in str(refusal("dingtalk", {key: address[key] for key in ("url", "access_token")}))
        assert len(server.got) == 1


def test_a_robot_that_is_told_too_much_rests(failing: Server) -> None:
    address = {"url": failing.url, "access_token": {"env": "TOKEN"}}
    failing.judge = lambda got: Reply(body={"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"})
    assert refusal("dingtalk", address).retry_after == 600
    failing.judge = lambda got: Reply(body={"errcode": 45009, "errmsg": "api freq out of limit"})
    assert refusal("wecom", {"url": failing.url, "key": {"env": "TOKEN"}}).retry_after == 60
    failing.judge = lambda got: Reply(body={"code": 11232, "msg": "frequency limited"})
    assert refusal("feishu", {"url": failing.url, "token": {"env": "TOKEN"}}).retry_after == 60


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b'{"errmsg": "ok"}', b'{"errcode": "0"}', b'{"errcode": false}'])
def test_an_answer_without_a_code_is_no_receipt(failing: Server, body: bytes) -> None:
    failing.judge = lambda got: Reply(body=body)
    assert refusal("dingtalk", {"url": failing.url, "access_token": {"env": "TOKEN"}}).rests


def test_wecom_takes_a_letter_of_any_length_and_refuses_a_wrong_key() -> None:
    with serving(push_servers.wecom(KEYS["TOKEN"])) as server:
        address = {"url": server.url, "key": {"env": "TOKEN"}}
        send("wecom", address)
        long = Letter("id-2", "digest", "T-001", "汇总", "号" * 3000, 3)
        send("wecom", address, long)
        assert server.texts[0] == LETTER.text
        assert server.texts[1].endswith("号…")
        assert "93000" in str(refusal("wecom", {**address, "key": {"env": "SIGN"}}))


def test_feishu_takes_a_signed_letter_in_which_nobody_is_called() -> None:
    with serving(push_servers.feishu(KEYS["TOKEN"], SECRET)) as server:
        address = {"url": f"{server.url}/hook/", "token": {"env": "TOKEN"}, "secret": {"env": "SIGN"}}
        send("feishu", address, Letter("i", "task", "T-1", '<at user_id="all">全体</at>', "", 1))
        assert server.texts == ['＜at user_id="all">全体＜/at>']
        assert "19021" in str(refusal("feishu", {**address, "secret": {"env": "TOKEN"}}))
        assert "19001" in str(refusal("feishu", {**address, "token": {"env": "SIGN"}}))


# -- webhook


@pytest.mark.parametrize(("written", "key"), [("plain secret", b"plain secret"), ("whsec_c2VjcmV0", b"secret")])
def test_a_webhook_is_signed(monkeypatch: pytest.MonkeyPatch, written: str, key: bytes) -> None:
    monkeypatch.setenv("SIGN", written)
    with serving(push_servers.webhook(key)) as server:
        receipt = send("webhook", hook(server))
        assert (receipt.id, receipt.answer) == ("id-1", '202 {"ok": true}')
        (got,) = server.got
        assert got.json["data"] | {"title": "", "body": ""} == {
            **{"id": "id-1", "kind": "task", "number": "T-001", "title": "", "body": "", "level": 3},
            **{"region": "330106", "recipients": ["zhang"], "count": 1},
        }
        monkeypatch.setenv("SIGN", "another secret")
        assert "401" in str(refusal("webhook", hook(server)))


def test_a_secret_that_is_no_base64_or_missing_is_said_so(failing: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGN", "whsec_?")
    assert "Base64" in str(refusal("webhook", hook(failing)))
    monkeypatch.delenv("SIGN")
    assert "env:SIGN" in str(refusal("webhook", hook(failing)))
    assert failing.asked == []


@pytest.mark.parametrize(
    ("reply", "told", "after", "rests"),
    [
        (Reply(500, {"no": 1}), "500", 0, True),
        (Reply(503, {}, {"Retry-After": "120"}), "503", 120, True),
        (Reply(429, {}, {"retry-after": "7"}), "429", 7, True),
        (Reply(429, {}, {"Retry-After": "99999999999"}), "429", 6 * 3600, True),
        (Reply(429, {}, {"Retry-After": "soon"}), "429", 0, True),
        (Reply(404, {}), "404", 0, True),
        (Reply(422, {"detail": "no"}), "422", 0, False),
        (Reply(204, b""), None, 0, False),
    ],
)
def test_what_is_not_2xx_is_no_receipt(
    failing: Server, reply: Reply, told: str | None, after: float, rests: bool
) -> None:
    failing.judge = lambda got: reply
    if told is None:
        assert send("webhook", hook(failing)).answer == "204"
        return
    error = refusal("webhook", hook(failing))
    assert told in str(error)
    assert (error.retry_after, error.rests) == (after, rests)


def test_retry_after_may_be_a_date(failing: Server) -> None:
    later = email.utils.formatdate(time.time() + 100, usegmt=True)
    failing.judge = lambda got: Reply(429, {}, {"Retry-After": later})
    assert 90 < refusal("webhook", hook(failing)).retry_after <= 100


def test_redirects_are_not_followed(failing: Server) -> None:
    with serving(push_servers.webhook(SECRET.encode())) as other:
        failing.judge = lambda got: Reply(307, {}, {"Location": f"{other.url}/hook"})
        assert "redirects are not followed" in str(refusal("webhook", hook(failing)))
        assert other.asked == []


def test_a_silent_server_is_given_up_in_time(failing: Server) -> None:
    failing.judge = lambda got: Reply(200, {}, wait=2)
    began = time.monotonic()
    error = refusal("webhook", hook(failing), timeout=0.3)
    assert time.monotonic() - began < 1.5
    assert error.rests
    assert "did not answer within 0.3 s" in str(error)


def test_a_server_that_drips_is_given_up_in_time(failing: Server) -> None:
    failing.judge = lambda got: Reply(200, {"long": "x" * 500}, drip=0.1)
    began = time.monotonic()
    refusal("webhook", hook(failing), timeout=0.5)
    assert time.monotonic() - began < 2


def test_an_endless_answer_is_cut(failing: Server) -> None:
    failing.judge = lambda got: Reply(200, {"long": "x" * 100_000})
    assert len(send("webhook", hook(failing)).answer) < 500


def test_a_refused_connection_is_said(failing: Server) -> None:
    failing.close()
    error = refusal("webhook", hook(failing))
    assert error.rests
    assert "Connection refused" in str(error)


def test_something_that_speaks_no_http_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            taken, _ = listener.accept()
            with taken:
                taken.recv(4096)
                taken.sendall(b"SSH-2.0-none\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        address = {"url": f"http://127.0.0.1:{listener.getsockname()[1]}", "secret": {"env": "SIGN"}}
        assert refusal("webhook", address).rests
        thread.join()


# -- 浙政钉


def gov(server: Server, **more: Any) -> dict[str, Any]:
    keys = {"app_key": {"env": "APP"}, "app_secret": {"env": "SIGN"}, "tenant": "196729"}
    return {"url": server.url, **keys, **(more or {"recipients": {"zhang": "acc-1", "li": "acc-2"}})}


def test_zhezhengding_sends_work_notices_with_one_token() -> None:
    gateway = Gateway(KEYS["APP"], SECRET)
    with serving(gateway) as server:
        line = open_line(
            channel("zhezhengding", gov(server, recipients={"zhang": "acc-1", "li": "acc-2"}, default=["li"])), now
        )
        assert line.send(LETTER).id == "m1"
        assert line.send(Letter("id-2", "task", "T-2", "二 & 三=四", "", 2)).id == "m2"
        first, second = (one.form for one in server.got)
        assert (server.got[0].path, first["receiverIds"], first["tenantId"]) == (
            *("/message/workNotification", "acc-1", "196729"),
        )
        assert first["bizMsgId"] == "id-1"
        assert json.loads(first["msg"]) == {"msgtype": "text", "text": {"content": LETTER.text}}
        assert second["receiverIds"] == "acc-2"
        assert gateway.tokens_given == 1
        gateway.token += "2"  # the first one is withdrawn: it is replaced, and nothing is lost
        assert line.send(LETTER).id == "m3"
        assert gateway.tokens_given == 2


def test_zhezhengding_speaks_to_a_group() -> None:
    with serving(Gateway(KEYS["APP"], SECRET)) as server:
        send("zhezhengding", gov(server, chat="chat-9", sender="acc-0"))
        form = server.got[0].form
        assert server.got[0].path == "/chat/sendMsg"
        assert (form["chatType"], form["chatId"], form["senderId"]) == ("2", "chat-9", "acc-0")


def test_zhezhengding_refuses_a_wrong_secret_and_asks_no_second_time_after_silence() -> None:
    with serving(Gateway(KEYS["APP"], "another")) as server:
        assert "signature error for ＊" in str(refusal("zhezhengding", gov(server)))
    gateway = Gateway(KEYS["APP"], SECRET)
    with serving(gateway) as server:
        line = open_line(channel("zhezhengding", gov(server), timeout=0.3), now)
        line.send(LETTER)
        server.judge = lambda got: Reply(200, {}, wait=1)
        before = len(server.asked)
        with pytest.raises(PushError):
            line.send(LETTER)
        assert len(server.asked) == before + 1  # it may have arrived: only the outbox decides to say it again


def test_nobody_is_told_apart_from_a_fault() -> None:
    with serving(Gateway(KEYS["APP"], SECRET)) as server:
        error = refusal("zhezhengding", gov(server, recipients={"li": "acc-2"}))
        assert (error.nobody, error.rests) == (True, False)
        assert server.asked == []


# -- SMS


def texting(server: Server, **more: Any) -> dict[str, Any]:
    return {
        "url": f"{server.url}/send",
        "format": "json",
        "fields": {"appkey": {"env": "APP"}, "phones": "{mobiles}", "params": '["{number}", "{level}"]', "raw": "{x}"},
        "success": {"field": "result.code", "equals": "0"},
        "receipt": "serial",
        "recipients": {"zhang": "13800138000", "li": "13900139000"},
        **more,
    }


def test_a_text_message_fills_the_template_of_the_gateway() -> None:
    with serving(push_servers.sms(KEYS["APP"])) as server:
        assert send("sms", texting(server)).id == "s1"
        assert server.got[0].json == {
            **{"appkey": KEYS["APP"], "phones": "13800138000"},
            **{"params": '["T-001", "3"]', "raw": "{x}"},
        }
        both = Letter("i", "task", "T-1", "{number}", "", 2, recipients=("zhang", "li", "wang"))
        fields = {"phones": "{mobiles}", "say": "{title}"}
        header = {"X-Key": {"env": "APP"}}
        send("sms", texting(server, format="form", fields=fields, headers=header, separator=";"), both)
        assert server.got[1].form == {"phones": "13800138000;13900139000", "say": "{number}"}


@pytest.mark.parametrize("wrong", ["pass\nword", "口令"])
def test_a_secret_that_no_header_can_hold_is_not_shown(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("APP", wrong)
    with serving(push_servers.sms(KEYS["APP"])) as server:
        told = str(refusal("sms", texting(server, fields={"to": "{mobiles}"}, headers={"X-Key": {"env": "APP"}})))
        assert "pass" not in told
        assert "口令" not in told
        assert server.asked == []


def test_a_gateway_that_says_no_is_heard_and_numbers_are_not_told() -> None:
    with serving(push_servers.sms("another")) as server:
        told = str(refusal("sms", texting(server)))
        assert "result.code = 17" in told
        assert "13800138000" not in told
