"""浙政钉 (专有钉钉, the government's DingTalk of Zhejiang): work notices to officers, or messages to a group.

Every call is a POST of a form, signed: HMAC-SHA256, key the app's secret, over method, time, nonce, path and the
parameters in the order of their names, unquoted, a line each; Base64. `token_path` gives the token that the others
carry; it holds for two hours and is kept until then. A work notice of the same words reaches a person once a day, so
reminders say which one they are. All paths can be set: the version of the interface is the customer's to confirm.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from config.channels import Channel
from config.moments import SECOND, as_datetime
from monitor.push.channel import Letter, PushError, Receipt, addresses_of, cut
from monitor.push.http import Client

URL: Final = "https://openplatform-pro.ding.zj.gov.cn"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_TOKEN_HELD: Final = 7200
_EARLY: Final = 300
"""Seconds before its end at which a token is replaced."""

_MOST_BYTES: Final = 3_000


class _RefusedError(PushError):
    """An answer that says no: nothing was taken, so asking again with a new token repeats nothing."""


class ZheZhengDing:
    """An app of 浙政钉: `app_key`, `app_secret`, `tenant`; `chat` for a group, or `recipients` for work notices."""

    def __init__(self, channel: Channel, client: Client, clock: Callable[[], int]) -> None:
        """`clock`: microseconds since 1970, for signatures and the token's age."""
        self._address = channel.address
        self._client = client
        self._clock = clock
        self._token = ""
        self._token_until = 0

    def send(self, letter: Letter) -> Receipt:
        """Sends a letter; a token that is no longer good is replaced once. Raises PushError."""
        words = {"msgtype": "text", "text": {"content": cut(letter.text, _MOST_BYTES)}}
        parameters = {"tenantId": self._address["tenant"], "msg": json.dumps(words, ensure_ascii=False)}
        if "chat" in self._address:
            path = self._address.get("chat_path", "/chat/sendMsg")
            parameters |= {"chatType": "2", "chatId": self._address["chat"]}
            if "sender" in self._address:
                parameters["senderId"] = self._address["sender"]
        else:
            path = self._address.get("notice_path", "/message/workNotification")
            receivers = addresses_of(letter, self._address["recipients"], self._address.get("default", []))
            parameters |= {"receiverIds": ",".join(receivers), "bizMsgId": letter.id}
        fresh = self._clock() >= self._token_until
        try:
            return self._sent(path, parameters, fresh=fresh)
        except _RefusedError:
            if fresh:
                raise
            self._token_until = 0
            return self._sent(path, parameters, fresh=True)

    def _sent(self, path: str, parameters: dict[str, str], *, fresh: bool) -> Receipt:
        if fresh:
            self._fetch_token()
        content = self._call(path, parameters | {"access_token": self._token})
        found = content.get("msgId") or content.get("data")
        return Receipt(
            id="" if found is None else str(found)[:200], answer=json.dumps(content, ensure_ascii=False)[:200]
        )

    def _fetch_token(self) -> None:
        key, secret = self._address["app_key"].value(), self._address["app_secret"].value()
        path = self._address.get("token_path", "/gettoken.json")
        found = self._call(path, {"appkey": key, "appsecret": secret}).get("data")
        data = found if isinstance(found, dict) else {}
        token, held = data.get("accessToken"), data.get("expiresIn")
        if not isinstance(token, str) or not token:
            raise PushError("浙政钉没有给出令牌 / no token came with the answer", rests=True)
        seconds = held if isinstance(held, int) else _TOKEN_HELD
        self._token = token
        self._token_until = self._clock() + max(0, seconds - _EARLY) * SECOND

    def _call(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """The content of a successful answer. Raises PushError."""
        at = as_datetime(self._clock()).strftime("%Y-%m-%dT%H:%M:%S.000+08:00")
        nonce = f"{self._clock() // 1000}{secrets.randbelow(9000) + 1000}"
        headers = {
            **_FORM,
            "apiKey": self._address["app_key"].value(),
            "X-Hmac-Auth-Version": "1.0",
            "X-Hmac-Auth-Timestamp": at,
            "X-Hmac-Auth-Nonce": nonce,
            "X-Hmac-Auth-Signature": zhezhengding_sign(
                self._address["app_secret"].value(), "POST", at, nonce, path, parameters
            ),
        }
        url = self._address.get("url", URL).rstrip("/") + path
        answer = self._client.post(url, urlencode(parameters).encode(), headers)
        fields = answer.fields()
        content = fields.get("content")
        if isinstance(content, str):  # some versions pack it once more
            try:
                content = json.loads(content)
            except ValueError:
                content = {}
        content = content if isinstance(content, dict) else {}
        if fields.get("success") is not True or content.get("success", True) is not True:
            why = content.get("responseMessage") or fields.get("Message") or fields.get("errorMsg") or answer.shown
            raise _RefusedError(f"浙政钉拒绝 / it refuses: {' '.join(str(why).split())[:200]}", rests=True)
        return content


def zhezhengding_sign(secret: str, method: str, at: str, nonce: str, path: str, parameters: dict[str, str]) -> str:
    """The signature of a call, Base64."""
    lines = [method, at, nonce, path]
    if parameters:
        lines.append("&".join(f"{name}={parameters[name]}" for name in sorted(parameters)))
    digest = hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
