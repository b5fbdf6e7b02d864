"""Settings: from flags, then environment variables with the prefix `CREDIT_MONITOR_`, then secret files, then a file.

The file is `credit-monitor.toml` in the working folder, or the one that `CREDIT_MONITOR_CONFIG` names. Secret files
stand in the folder that `CREDIT_MONITOR_SECRETS` names, each called like the variable whose value it holds: so
containers get passwords that no environment shows.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


def account() -> str:
    """The operating system's user, whatever the environment says."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


class Settings(BaseSettings):
    """All settings; secrets are never printed."""

    model_config = SettingsConfigDict(env_prefix="CREDIT_MONITOR_", extra="forbid")

    home: Path = Field(default=Path("credit-monitor-home"), description="folder of the embedded monitor")
    rules: Path | None = Field(default=None, description="rules file; without it the shipped defaults hold")
    scorecards: Path | None = Field(default=None, description="folder of scorecards; without it the shipped ones hold")
    push: Path | None = Field(default=None, description="file of the channels of messages; without it pages alone")
    officers: Path | None = Field(
        default=None, description="the officers' directory (YAML or CSV), among whom tasks are given out"
    )
    officer: str = Field(
        default_factory=account,
        description="who answers for what is started from the command line; without it the operating system's user",
    )
    audit_heads: Path | None = Field(
        default=None,
        description="folder or file on other storage, to which a running monitor appends the head of its audit log "
        "once a day and at its end",
    )
    trusted_user_header: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="header in which a proxy names whom it has signed in, for looks at pages; it must set or remove it "
        "itself, and nobody may reach the page by another way",
    )
    port: int = Field(default=8321, ge=0, le=65535, description="port of the page, on 127.0.0.1")
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL of a cluster, postgresql://user@host/database; its parameters are libpq's, such as "
        "sslmode=verify-full&sslrootcert=FILE",
    )
    database_schema: str | None = Field(default=None, description="where its tables stand; the server's default")
    database_pool: int = Field(default=5, ge=1, le=1000, description="connections to it that a process keeps")
    cluster_snapshots: str | None = Field(
        default=None, description="where all workers keep their snapshots: a folder or the URL of an object store"
    )
    cluster_models: str | None = Field(
        default=None,
        description="where workers and commands share the models of a cluster: a folder or the URL of an object store",
    )
    snapshot_seconds: float = Field(default=30.0, gt=0, description="seconds between two snapshots of a worker's host")
    metrics_port: int = Field(default=8322, ge=0, le=65535, description="port of a worker's metrics and health")
    metrics_host: str = Field(default="127.0.0.1", description="address that a worker's metrics and health listen on")
    pseudonym_key: SecretStr | None = Field(
        default=None,
        description="keys of the pseudonyms, hexadecimal, oldest first, separated by commas; without it the home "
        "keeps one of its own",
    )
    kafka_bootstrap: str | None = Field(
        default=None, description="brokers of the cluster to begin with: host:port, several separated by commas"
    )
    kafka_prefix: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]{0,150}$",
        description="text before the name of every topic; another generation of topics is another prefix",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="how to connect to a broker; SSL and SASL_SSL are encrypted"
    )
    kafka_ca_file: Path | None = Field(
        default=None, description="certificates that sign the brokers' (PEM); without it those of the system hold"
    )
    kafka_certificate_file: Path | None = Field(default=None, description="own certificate (PEM), for SSL")
    kafka_key_file: Path | None = Field(default=None, description="key of the own certificate (PEM, no password)")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="how user and password are proved, for SASL_SSL and SASL_PLAINTEXT"
    )
    kafka_user: str | None = Field(default=None, description="user at the brokers")
    kafka_password: SecretStr | None = Field(default=None, description="password of the user")

    @field_validator("officer")
    @classmethod
    def _is_shown(cls, officer: str) -> str:
        if not officer.strip() or not officer.isprintable():
            msg = "an officer is named by printable text"
            raise ValueError(msg)
        return officer

    @field_validator("audit_heads", mode="before")
    @classmethod
    def _is_somewhere(cls, place: Any) -> Any:
        return place or None  # an empty text would be the working folder

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment, then secret files, then the file."""
        path = Path(os.environ.get("CREDIT_MONITOR_CONFIG", "credit-monitor.toml"))
        folder = os.environ.get("CREDIT_MONITOR_SECRETS") or None
        secret_files = SecretsSettingsSource(settings_cls, secrets_dir=folder)
        return init_settings, env_settings, secret_files, TomlConfigSettingsSource(settings_cls, path)

    def key_chain(self) -> list[bytes] | None:
        """The keys of the pseudonyms, oldest first; None where the home keeps its own. Raises ValueError."""
        if self.pseudonym_key is None:
            return None
        try:
            return [bytes.fromhex(key) for key in self.pseudonym_key.get_secret_value().split(",")]
        except ValueError as error:
            msg = "CREDIT_MONITOR_PSEUDONYM_KEY is hexadecimal, keys separated by commas"
            raise ValueError(msg) from error


def load_settings(**flags: Any) -> Settings:
    """The settings in force; `flags` that are None were not given. Raises ValueError (pydantic's)."""
    named = os.environ.get("CREDIT_MONITOR_CONFIG")
    if named and not Path(named).is_file():
        msg = f"there is no file {named} (CREDIT_MONITOR_CONFIG)"
        raise ValueError(msg)
    folder = os.environ.get("CREDIT_MONITOR_SECRETS")
    if folder and not Path(folder).is_dir():
        msg = f"there is no folder {folder} (CREDIT_MONITOR_SECRETS)"
        raise ValueError(msg)
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except PermissionError as error:
        msg = f"{error.filename} may not be read by this user (CREDIT_MONITOR_SECRETS)"
        raise ValueError(msg) from error
