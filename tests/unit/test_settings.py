"""Where settings come from, and which holds where several give one."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from config.settings import load_settings
from monitor.cli import opening
from monitor.cli.failure import Failure

URL = "postgresql://monitor:s3cret@db/credit"


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secret files that the settings are told of."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "CREDIT_MONITOR_DATABASE_URL").write_text(f"{URL}\n")
    (folder / "postgres_password").write_text("of somebody else")
    monkeypatch.setenv("CREDIT_MONITOR_SECRETS", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def url() -> str | None:
    found = load_settings().database_url
    return None if found is None else found.get_secret_value()


def test_a_secret_file_holds_what_its_variable_would(secrets: Path) -> None:
    assert url() == URL
    assert "s3cret" not in repr(load_settings())


def test_flags_then_variables_then_secret_files_then_the_file(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "CREDIT_MONITOR_OFFICER").write_text("of the secret files")
    (secrets.parent / "credit-monitor.toml").write_text('officer = "of the file"\nport = 5\n')
    assert (load_settings().officer, load_settings().port) == ("of the secret files", 5)
    monkeypatch.setenv("CREDIT_MONITOR_OFFICER", "of the environment")
    assert load_settings().officer == "of the environment"
    assert load_settings(officer="of the flag").officer == "of the flag"


def test_without_the_folder_nothing_is_looked_for(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDIT_MONITOR_SECRETS")
    assert url() is None
    monkeypatch.setenv("CREDIT_MONITOR_SECRETS", "")
    assert url() is None


def test_the_officer_is_the_user_of_the_system_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody.else")
    assert load_settings().officer == pwd.getpwuid(os.getuid()).pw_name
    for wrong in ("", "  ", "a\nb"):
        with pytest.raises(Failure, match="officer"):
            opening.settings(officer=wrong)


def test_heads_are_kept_nowhere_where_the_variable_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDIT_MONITOR_AUDIT_HEADS", "")
    assert load_settings().audit_heads is None
    monkeypatch.setenv("CREDIT_MONITOR_AUDIT_HEADS", "worm")
    assert load_settings().audit_heads == Path("worm")


def test_a_folder_that_is_not_there_is_told(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDIT_MONITOR_SECRETS", str(secrets / "none"))
    with pytest.raises(Failure, match=r"there is no folder .*none.*CREDIT_MONITOR_SECRETS"):
        opening.settings()
