"""What several commands do first: settings, rules, keys, and the home for reading or writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from config import channels, officers, ruleset, scorecards
from config.settings import Settings, load_settings
from monitor.cli.failure import Failure
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.store.home import Home
from monitor.store.postgresql.database import Database
from monitor.store.reader import Reader, Store, looking

PROVINCE: Final = "province"
"""Where a demo keeps what it made up, in its home."""


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


def channels_of(chosen: Settings) -> channels.Channels:
    """The channels of messages in force. Raises ChannelsError."""
    return channels.load(chosen.push)


def officers_of(chosen: Settings, home: Home) -> officers.Directory | None:
    """The officers' directory, where the settings name one; in the home of a demo its made-up one, so that its tasks go
    to nobody real. Raises OfficersError.
    """
    made_up = home.path / PROVINCE / "officers.yaml"
    if made_up.exists():
        return officers.load(made_up)
    return None if chosen.officers is None else officers.load(chosen.officers)


def cards_of(chosen: Settings) -> scorecards.Cards:
    """The scorecards in force. Raises ScorecardError."""
    return scorecards.load(chosen.scorecards)


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


def database_of(chosen: Settings) -> Database | None:
    """The database of the cluster, where the settings name one. Raises DatabaseAddressError."""
    if chosen.database_url is None:
        return None
    return Database(chosen.database_url.get_secret_value(), chosen.database_schema, chosen.database_pool)


def store_of(chosen: Settings, home: Path | None) -> Store:
    """The home of the flag; without it the database that the settings name; else the home of the settings."""
    database = database_of(chosen) if home is None else None
    return Home(chosen.home) if database is None else database


@contextmanager
def reading(home: Path | None) -> Iterator[Reader]:
    """A consistent look beside the writer: at the home of the flag; without it at the database that the settings name;
    else at the home of the settings. Raises StoreError where there is nothing.
    """
    chosen = settings(home=home)
    database = database_of(chosen) if home is None else None
    try:
        with looking(Home(chosen.home) if database is None else database) as reader:
            yield reader
    finally:
        if database is not None:
            database.close()
