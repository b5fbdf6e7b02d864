"""Text messages through any gateway that takes an HTTP form or JSON: its fields are a template in the configuration.

Filled in are `{mobiles}` `{text}` `{title}` `{number}` `{level}` `{count}` `{id}` `{time}`; everything else is sent as
it stands. What may be said is fixed by the template that the gateway has approved, so mostly `{number}` is enough.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from config.channels import Channel, Secret
from config.moments import as_text
from monitor.push.channel import Letter, PushError, Receipt, addresses_of
from monitor.push.http import Answer, Client

_FILLED: Final = re.compile(r"\{(mobiles|text|title|number|level|count|id|time)\}")
_TYPES: Final = {"form": "application/x-www-form-urlencoded", "json": "application/json; charset=utf-8"}


class Sms:
    """A gateway at `url`; one sending goes to all recipients of a letter."""

    def __init__(self, channel: Channel, client: Client, clock: Callable[[], int]) -> None:
        """`clock`: microseconds since 1970, for `{time}`."""
        self._address = channel.address
        self._client = client
        self._clock = clock

    def send(self, letter: Letter) -> Receipt:
        """Sends a letter. Raises PushError."""
        mobiles = addresses_of(letter, self._address["recipients"], self._address.get("default", []))
        values = {
            "mobiles": self._address.get("separator", ",").join(mobiles),
            "text": letter.text,
            "time": as_text(self._clock()),
            **{name: str(getattr(letter, name)) for name in ("title", "number", "level", "count", "id")},
        }

        def filled(template: str | Secret) -> str:
            if isinstance(template, Secret):
                return template.value()
            return _FILLED.sub(lambda found: values[found[1]], template)

        fields = {name: filled(template) for name, template in self._address["fields"].items()}
        headers = {name: filled(template) for name, template in self._address.get("headers", {}).items()}
        form = self._address["format"]
        body = urlencode(fields).encode() if form == "form" else json.dumps(fields, ensure_ascii=False).encode()
        answer = self._client.post(self._address["url"], body, {"Content-Type": _TYPES[form], **headers})
        return self._receipt(answer)

    def _receipt(self, answer: Answer) -> Receipt:
        success, named = self._address.get("success"), self._address.get("receipt")
        fields = answer.fields() if success or named else {}
        if success is not None:
            found = _at(fields, success["field"])
            if found != success["equals"]:
                raise PushError(f"短信网关拒绝 / the gateway refuses: {success['field']} = {found}: {answer.shown}")
        return Receipt(id=_at(fields, named) if named else "", answer=answer.shown)


def _at(fields: Any, path: str) -> str:
    """The value at names joined by dots, as text; an empty text where there is none."""
    for name in path.split("."):
        fields = fields.get(name) if isinstance(fields, dict) else None
    if fields is None:
        return ""
    return fields if isinstance(fields, str) else json.dumps(fields, ensure_ascii=False)
