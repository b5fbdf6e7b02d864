"""Robots of group chats: DingTalk, WeCom, Feishu. Each answers 200 also where it refuses; the code in the body counts.

Letters are plain text: what stands in one cannot become a link, a picture or a mention. Sources: the robots' public
documents (signature of DingTalk: milliseconds and secret, the secret as the key; of Feishu: seconds and secret as the
key of an empty message; 20 messages a minute at DingTalk and WeCom).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from config.channels import Channel
from config.moments import SECOND
from monitor.push.channel import Letter, PushError, Receipt, cut
from monitor.push.http import Answer, Client

DINGTALK_URL: Final = "https://oapi.dingtalk.com/robot/send"
WECOM_URL: Final = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
FEISHU_URL: Final = "https://open.feishu.cn/open-apis/bot/v2/hook"

_JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
_TOO_FAST: Final = {
    # the platform's code: seconds for which it takes nothing more
    "dingtalk": {130101: 600.0, 90018: 600.0, 410100: 600.0},
    "wecom": {45009: 60.0, 45033: 60.0},
    "feishu": {11232: 60.0, 9499: 60.0},
}
_MOST_BYTES: Final = {"dingtalk": 18_000, "wecom": 2_048, "feishu": 18_000}


class DingTalk:
    """A robot of DingTalk: `access_token`, and `secret` where its signature is switched on."""

    def __init__(self, channel: Channel, client: Client, clock: Callable[[], int]) -> None:
        """`clock`: microseconds since 1970, for the signature."""
        self._address = channel.address
        self._client = client
        self._clock = clock

    def send(self, letter: Letter) -> Receipt:
        """Sends a letter. Raises PushError."""
        query = {"access_token": self._address["access_token"].value()}
        if "secret" in self._address:
            at = str(self._clock() // 1000)
            query |= {"timestamp": at, "sign": dingtalk_sign(self._address["secret"].value(), at)}
        text = cut(letter.text, _MOST_BYTES["dingtalk"])
        body = {"msgtype": "text", "text": {"content": text}}
        return _robot("dingtalk", self._client, with_query(self._address.get("url", DINGTALK_URL), query), body)


class WeCom:
    """A robot of WeCom (企业微信): `key`."""

    def __init__(self, channel: Channel, client: Client, clock: Callable[[], int]) -> None:
        """`clock` is not needed: these robots have no signature."""
        self._address = channel.address
        self._client = client

    def send(self, letter: Letter) -> Receipt:
        """Sends a letter. Raises PushError."""
        url = with_query(self._address.get("url", WECOM_URL), {"key": self._address["key"].value()})
        body = {"msgtype": "text", "text": {"content": cut(letter.text, _MOST_BYTES["wecom"])}}
        return _robot("wecom", self._client, url, body)


class Feishu:
    """A robot of Feishu: `token`, and `secret` where its signature is switched on."""

    def __init__(self, channel: Channel, client: Client, clock: Callable[[], int]) -> None:
        """`clock`: microseconds since 1970, for the signature."""
        self._address = channel.address
        self._client = client
        self._clock = clock

    def send(self, letter: Letter) -> Receipt:
        """Sends a letter. Raises PushError."""
        # In its texts `<at …>` would call people.
        text = cut(letter.text.replace("<", "＜"), _MOST_BYTES["feishu"])
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
        if "secret" in self._address:
            at = str(self._clock() // SECOND)
            body |= {"timestamp": at, "sign": feishu_sign(self._address["secret"].value(), at)}
        base = self._address.get("url", FEISHU_URL).rstrip("/")
        return _robot("feishu", self._client, f"{base}/{quote(self._address['token'].value(), safe='')}", body)


def dingtalk_sign(secret: str, at: str) -> str:
    """DingTalk's signature at a moment (milliseconds), Base64; it is yet to be quoted for a URL."""
    digest = hmac.new(secret.encode(), f"{at}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def feishu_sign(secret: str, at: str) -> str:
    """Feishu's signature at a moment (seconds), Base64."""
    return base64.b64encode(hmac.new(f"{at}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def with_query(url: str, query: dict[str, str]) -> str:
    """A URL with parameters added to those that it has."""
    joint = "&" if urlsplit(url).query else "?"
    return f"{url.rstrip('?')}{joint}{urlencode(query)}"


def _robot(kind: str, client: Client, url: str, body: dict[str, Any]) -> Receipt:
    answer = client.post(url, json.dumps(body, ensure_ascii=False).encode(), _JSON)
    code, text = _code(answer)
    if code == 0:
        return Receipt(answer=answer.shown)
    wait = _TOO_FAST[kind].get(code, 0.0)
    raise PushError(f"机器人拒绝 / the robot refuses, code {code}: {text}", retry_after=wait, rests=True)


def _code(answer: Answer) -> tuple[int, str]:
    """The code of an answer and its text. Raises PushError where it has none."""
    fields = answer.fields()
    for name, text in (("errcode", "errmsg"), ("code", "msg"), ("StatusCode", "StatusMessage")):
        found = fields.get(name)
        if isinstance(found, int) and not isinstance(found, bool):
            return found, " ".join(str(fields.get(text, "")).split())[:200]
    raise PushError(f"应答没有代码 / the answer has no code: {answer.shown}", rests=True)
