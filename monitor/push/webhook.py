"""A webhook: the letter as JSON, signed after the Standard Webhooks specification 1.0, which libraries verify.

`webhook-id` is the same at every attempt, `webhook-timestamp` in seconds, and `webhook-signature` is `v1,` with the
HMAC-SHA256 of `id.timestamp.body` in Base64. A secret that begins with `whsec_` is the key in Base64, any other is
taken as its own bytes. Any status 2xx is a receipt.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from typing import Final

import msgspec

from config.channels import Channel, ChannelsError
from config.moments import SECOND, as_text
from monitor.push.channel import Letter, Receipt
from monitor.push.http import Client
from monitor.store.outgoing.dispatch import EVERYBODY

_CODED: Final = "whsec_"


class Webhook:
    """Posts letters to `url`, signed with `secret`."""

    def __init__(self, channel: Channel, client: Client, clock: Callable[[], int]) -> None:
        """`clock`: microseconds since 1970, for the signature."""
        self._address = channel.address
        self._client = client
        self._clock = clock

    def send(self, letter: Letter) -> Receipt:
        """Sends a letter. Raises PushError."""
        now = self._clock()
        body = msgspec.json.encode(
            {
                "type": f"credit-monitor.{letter.kind}",
                "timestamp": as_text(now),
                "data": {
                    **{name: getattr(letter, name) for name in letter.__struct_fields__},
                    "recipients": [one for one in letter.recipients if one != EVERYBODY],
                },
            }
        )
        at = str(now // SECOND)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": letter.id,
            "webhook-timestamp": at,
            "webhook-signature": webhook_sign(self._address["secret"].value(), letter.id, at, body),
        }
        answer = self._client.post(self._address["url"], body, headers)
        return Receipt(id=letter.id, answer=f"{answer.status} {answer.shown}".strip())


def webhook_sign(secret: str, letter_id: str, at: str, body: bytes) -> str:
    """The value of `webhook-signature`. Raises ChannelsError for a `whsec_` secret that is not Base64."""
    try:
        key = base64.b64decode(secret[len(_CODED) :], validate=True) if secret.startswith(_CODED) else secret.encode()
    except binascii.Error:
        msg = "webhook 密钥 whsec_ 之后须为 Base64 / after whsec_ the secret of a webhook is Base64: write it anew"
        raise ChannelsError(msg) from None
    signed = hmac.new(key, f"{letter_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"
