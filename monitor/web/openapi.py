"""The OpenAPI document of the intake, made from the JSON Schemas of the events."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

import msgspec

from monitor.events.refusal import REASONS
from monitor.events.schema import schema_texts
from monitor.events.types import PUBLIC_TYPES

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
PROBLEM: Final = "application/problem+json"

_PROBLEM_REF: Final = {"$ref": "#/components/schemas/Problem"}
_RETRY: Final = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}


def document() -> dict[str, Any]:
    """The document, for OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "credit-monitor", "version": version("credit-monitor")},
        "paths": {"/api/v1/events": {"post": _post()}},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**_events(), "Result": _result(), "Problem": _problem()},
        },
    }


def _post() -> dict[str, Any]:
    event = {"$ref": "#/components/schemas/Event"}
    refused = "some events are refused, each with its reason; the others are in"
    return {
        "operationId": "sendEvents",
        "summary": "发送事件，入库后应答 / events, answered once they are durable",
        "security": [{"token": []}],
        "requestBody": {
            "required": True,
            "content": {SINGLE: {"schema": event}, BATCH: {"schema": {"type": "array", "items": event}}},
        },
        "responses": {
            "200": {
                "description": "all events are in, or came before",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Result"}}},
            },
            "400": _fault("the request broke off, or names another host"),
            "401": _fault(
                "no token in force", {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}}
            ),
            "413": _fault("too large, or too many events"),
            "415": _fault("another content type or encoding"),
            "422": _fault(refused),
            "429": _fault("too many events wait: send again later", _RETRY),
            "503": _fault("nothing is written now: send the same request again", _RETRY),
        },
    }


def _fault(description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": {PROBLEM: {"schema": _PROBLEM_REF}}}
    return answer if headers is None else {**answer, "headers": headers}


def _events() -> dict[str, Any]:
    """The schemas of all types, their definitions beside them, and `Event`, which is any of them."""
    schemas: dict[str, Any] = {}
    texts = schema_texts()
    for name in PUBLIC_TYPES:
        schema = msgspec.json.decode(texts[name].replace("#/$defs/", "#/components/schemas/"))
        schemas.update(schema.pop("$defs", {}))
        schema.pop("$schema", None)
        schema.pop("$id", None)
        schemas[name] = schema
    types = [{"$ref": f"#/components/schemas/{name}"} for name in PUBLIC_TYPES]
    return {**schemas, "Event": {"oneOf": types}}


def _counts() -> dict[str, Any]:
    return {name: {"type": "integer", "minimum": 0} for name in ("accepted", "repeats", "refused")}


def _result() -> dict[str, Any]:
    return {"type": "object", "required": ["accepted", "repeats", "refused"], "properties": _counts()}


def _problem() -> dict[str, Any]:
    event = {
        "type": "object",
        "required": ["index", "status"],
        "properties": {
            "index": {"type": "integer", "minimum": 0, "description": "place in the batch"},
            "status": {"enum": ["accepted", "repeat", "refused"]},
            "reason": {"enum": sorted(REASONS)},
            "meaning": {"type": "string"},
            "detail": {"type": "string"},
        },
    }
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            **{name: {"type": "string"} for name in ("type", "title", "detail")},
            "status": {"type": "integer"},
            **_counts(),
            "events": {"type": "array", "items": event},
        },
    }
