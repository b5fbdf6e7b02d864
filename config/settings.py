"""Settings: from flags, then environment variables with the prefix `CREDIT_MONITOR_`, then a file.

The file is `credit-monitor.toml` in the working folder, or the one that `CREDIT_MONITOR_CONFIG` names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class Settings(BaseSettings):
    """All settings; secrets are never printed."""

    model_config = SettingsConfigDict(env_prefix="CREDIT_MONITOR_", extra="forbid")

    home: Path = Field(default=Path("credit-monitor-home"), description="folder of the embedded monitor")
    rules: Path | None = Field(default=None, description="rules file; without it the shipped defaults hold")
    officer: str = Field(default="operator", description="who answers for what is started from the command line")
    port: int = Field(default=8321, ge=0, le=65535, description="port of the page, on 127.0.0.1")
    pseudonym_key: SecretStr | None = Field(
        default=None,
        description="keys of the pseudonyms, hexadecimal, oldest first, separated by commas; without it the home "
        "keeps one of its own",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment, then the file."""
        path = Path(os.environ.get("CREDIT_MONITOR_CONFIG", "credit-monitor.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path)

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
    return Settings(**{name: value for name, value in flags.items() if value is not None})
