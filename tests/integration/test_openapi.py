"""Intake and acts keep to their OpenAPI document: whatever is sent, no 5xx and no undocumented answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.command import Commands
from tests.integration.sending import Served, token

load_all_checks()
CHECKED: list[Any] = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]
"""Whether it is accepted or not is no matter of the schema alone: `tests/stress` looks at that."""


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture(scope="module")
def intake(commands: Commands) -> Iterator[tuple[str, dict[str, str]]]:
    """Address and headers of a running intake."""
    good = token(commands)
    served = Served(commands, "--home", "home")
    yield served.address, good
    told = served.end()
    assert "Traceback" not in told


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_document_describes_every_answer(intake: tuple[str, dict[str, str]], mode: GenerationMode) -> None:
    address, good = intake
    schema = schemathesis.openapi.from_dict(httpx.get(f"{address}api/v1/openapi.json").json())
    schema.config.update(base_url=address.rstrip("/"))
    seen: Counter[int] = Counter()

    @settings(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(schema["/api/v1/events"]["POST"].as_strategy(mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        answer = case.call(headers=good)
        case.validate_response(answer, checks=CHECKED)
        seen[answer.status_code] += 1

    ask()
    assert sum(seen.values()) >= 50
    assert seen[422]
    if mode is GenerationMode.POSITIVE:
        assert seen[200]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_document_describes_every_answer_to_an_act(
    intake: tuple[str, dict[str, str]], mode: GenerationMode
) -> None:
    address, _ = intake
    schema = schemathesis.openapi.from_dict(httpx.get(f"{address}api/v1/openapi.json").json())
    schema.config.update(base_url=address.rstrip("/"))
    seen: Counter[int] = Counter()

    @settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(schema["/api/v1/acts"]["POST"].as_strategy(mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        answer = case.call()
        case.validate_response(answer, checks=CHECKED)
        seen[answer.status_code] += 1

    ask()
    assert seen[422]
    if mode is GenerationMode.POSITIVE:
        assert seen[409], "there is no such alert or task"
