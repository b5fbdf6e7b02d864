"""From a channel as written to one that sends; what the other side answers is kept without secrets and addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote, quote_plus

from config.channels import Channel, ChannelsError, secrets_of
from monitor.push.channel import Adapter, Letter, PushError, Receipt
from monitor.push.http import Client
from monitor.push.mail import Mail
from monitor.push.robots import DingTalk, Feishu, WeCom
from monitor.push.sms import Sms
from monitor.push.targets import Targets
from monitor.push.webhook import Webhook
from monitor.push.zhezhengding import ZheZhengDing
from monitor.store.outgoing.messages import MASK, without_numbers

Clock = Callable[[], int]

_OVER_HTTP: Final[dict[str, Callable[[Channel, Client, Clock], Adapter]]] = {
    "dingtalk": DingTalk,
    "wecom": WeCom,
    "feishu": Feishu,
    "webhook": Webhook,
    "zhezhengding": ZheZhengDing,
    "sms": Sms,
}

_SHORTEST_SECRET: Final = 4
"""Shorter ones would put marks into every other word."""

_LONGEST_DETAIL: Final = 400


class Line:
    """A channel that is ready to send."""

    def __init__(self, channel: Channel, adapter: Adapter) -> None:
        """`adapter` is of the channel's kind."""
        self.channel = channel
        self._adapter = adapter

    def send(self, letter: Letter) -> Receipt:
        """Sends a letter. Raises PushError; nothing that is told holds a secret, an address or a personal number."""
        try:
            receipt = self._adapter.send(letter)
        except PushError as error:
            raise PushError(
                self._told(str(error)), retry_after=error.retry_after, rests=error.rests, nobody=error.nobody
            ) from None
        except ChannelsError as error:
            raise PushError(str(error), rests=True) from None
        return Receipt(self._told(receipt.id), self._told(receipt.answer))

    def _told(self, text: str) -> str:
        for secret in self._hidden():
            for form in (secret, quote(secret, safe=""), quote_plus(secret)):
                text = text.replace(form, MASK)
        return without_numbers(text)[:_LONGEST_DETAIL]

    def _hidden(self) -> list[str]:
        found = list(self.channel.address.get("recipients", {}).values())
        tables = (self.channel.address, *(self.channel.address.get(name, {}) for name in ("fields", "headers")))
        for secret in (one for table in tables for one in secrets_of(table)):
            try:
                found.append(secret.value())
            except ChannelsError:
                continue
        return sorted((one for one in found if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)


def open_line(channel: Channel, clock: Clock) -> Line:
    """The line of a channel, of any kind but `in-app`. `clock`: microseconds since 1970, for signatures. Raises
    ChannelsError where its certificates cannot be read.
    """
    targets = Targets(channel.allow_hosts)
    try:
        if channel.kind == "email":
            return Line(channel, Mail(channel, targets, clock))
        client = Client(targets, timeout=channel.timeout, ca_file=channel.ca_file)
    except OSError as error:
        msg = (
            f"渠道 {channel.name} 的 ca_file 无法读取 / the ca_file of {channel.name} cannot be read: {error.strerror}"
        )
        raise ChannelsError(msg) from error
    return Line(channel, _OVER_HTTP[channel.kind](channel, client, clock))
