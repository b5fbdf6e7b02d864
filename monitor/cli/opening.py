"""What several commands do first: settings, rules, keys, and the home for reading or writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config import ruleset
from config.settings import Settings, load_settings
from monitor.cli.failure import Failure
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.store.home import Home
from monitor.store.reader import Reader, look


def settings(**flags: Any) -> Settings:
    """The settings in force. Raises Failure with what is wrong."""
    try:
        return load_settings(**flags)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise Failure(f"设置有误 / a setting is wrong: {name}: {first['msg']}") from error
    except ValueError as error:
        raise Failure(f"设置文件有误 / the settings file is wrong: {error}") from error


def rules_of(chosen: Settings) -> ruleset.Rules:
    """The rules in force. Raises RulesError."""
    return ruleset.load(chosen.rules)


def pseudonyms_of(chosen: Settings, home: Home) -> Pseudonymiser:
    """The pseudonyms under the keys of the settings, or the home's own key. Raises Failure."""
    try:
        chain = chosen.key_chain()
        if chain is None:
            home.create()
            chain = [home.key()]
        return Pseudonymiser(chain)
    except ValueError as error:
        raise Failure(f"假名密钥有误 / the pseudonym key is wrong: {error}") from error


@contextmanager
def reading(home: Path | None) -> Iterator[Reader]:
    """A consistent look at a home beside its writer. Raises HomeError where there is nothing."""
    engine = Home(settings(home=home).home).reader()
    try:
        with look(engine) as reader:
            yield reader
    finally:
        engine.dispose()
