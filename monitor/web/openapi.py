"""The OpenAPI document of the API, made from the JSON Schemas of the events."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

import msgspec

from monitor.events.refusal import REASONS
from monitor.events.schema import schema_texts
from monitor.events.types import OWN_TYPES, PUBLIC_TYPES

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json"

_DECIDED: Final = (
    "入库后应答。集群写入 Kafka 并得到确认后应答：其中是否有重复、是否与已有事件矛盾，之后才判定，"
    "因此 repeats 总为 0，矛盾的事件（conflicting_repeat）只进入死信。 / "
    "Answered once the events are durable. A cluster answers once Kafka has acknowledged them: whether one came "
    "before, or contradicts one that did, is found out later, so that `repeats` is 0 there and what conflicts "
    "(`conflicting_repeat`) is a dead letter only."
)

_PROBLEM_REF: Final = {"$ref": "#/components/schemas/Problem"}
_RETRY: Final = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}


_ACTED: Final = (
    "页面上的人员对预警、任务的操作。尚无登录：只在页面仅监听本机时提供，只接受来自页面本身的请求。"
    "503 时结果不明：请先查看，再重发；已办理的会以 409 拒绝。 / "
    "What an officer at the page does with an alert or a task. There is no sign-in yet: it is offered only where the "
    "page listens on its own machine alone, and taken from the page itself alone. After a 503 it is not known whether "
    "it was done: look again, then send it again; what was done already is refused with 409."
)


def document(*, acts: bool) -> dict[str, Any]:
    """The document, for OpenAPI 3.1. `acts`: the acts of officers are in it."""
    paths: dict[str, Any] = {"/api/v1/events": {"post": _post()}}
    schemas = {**_schemas(PUBLIC_TYPES, "Event"), "Result": _result(), "Problem": _problem()}
    if acts:
        paths["/api/v1/acts"] = {"post": _act()}
        schemas |= _acts()
    return {
        "openapi": "3.1.0",
        "info": {"title": "credit-monitor", "version": version("credit-monitor")},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


def _post() -> dict[str, Any]:
    event = {"$ref": "#/components/schemas/Event"}
    refused = "some events are refused, each with its reason; the others are accepted"
    return {
        "operationId": "sendEvents",
        "summary": "发送事件，入库后应答 / events, answered once they are durable",
        "description": _DECIDED,
        "security": [{"token": []}],
        "requestBody": {
            "required": True,
            "content": {SINGLE: {"schema": event}, BATCH: {"schema": {"type": "array", "items": event}}},
        },
        "responses": {
            "200": {
                "description": "all events are accepted, or came before",
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
            "503": _fault("nothing is written now, or Kafka does not acknowledge: send the same request again", _RETRY),
        },
    }


def _fault(description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": {PROBLEM: {"schema": _PROBLEM_REF}}}
    return answer if headers is None else {**answer, "headers": headers}


def _act() -> dict[str, Any]:
    return {
        "operationId": "act",
        "summary": "办理预警、任务 / act on an alert or a task",
        "description": _ACTED,
        "requestBody": {"required": True, "content": {JSON: {"schema": {"$ref": "#/components/schemas/OfficersAct"}}}},
        "responses": {
            "200": {
                "description": "the alert or task as it is then",
                "content": {JSON: {"schema": {"$ref": "#/components/schemas/Acted"}}},
            },
            "400": _fault("the request broke off, or names another host"),
            "403": _fault("the page can be reached from other machines, or another site sent it"),
            "409": _fault("the stage refused it, for the reason in `detail`; nothing has happened"),
            "413": _fault("too large"),
            "415": _fault("another content type or encoding"),
            "422": _fault("not well formed, or without an officer"),
            "500": _fault("a defect of the program: look at what came of it, and report the log"),
            "503": _fault("no writer answers: look again, then try again", _RETRY),
        },
    }


def _acts() -> dict[str, Any]:
    """`OfficersAct`: any of the acts by its type, with the schemas of their data; `Acted`: what came of it."""
    names = [name for name in OWN_TYPES if name.startswith("supervision.")]
    schemas = _schemas(names, "OfficersAct")
    for name in names:
        properties = schemas[name]["properties"]
        schemas[name] = {
            "type": "object",
            "required": ["type", "subject", "data"],
            "properties": {field: properties[field] for field in ("type", "subject", "data")},
        }
    acted = {
        "type": "object",
        "required": ["id", "status", "seen", "history"],
        "properties": {
            "id": {"type": "string"},
            "status": {"type": "string"},
            "seen": {"type": "integer", "description": "its version, which the next act names"},
            "history": {"type": "array", "items": {"type": "object"}},
        },
    }
    return {**schemas, "Acted": acted}


def _schemas(names: Iterable[str], any_of_them: str) -> dict[str, Any]:
    """The schemas of types of event, their definitions beside them, and one that is any of them."""
    schemas: dict[str, Any] = {}
    texts = schema_texts()
    for name in names:
        schema = msgspec.json.decode(texts[name].replace("#/$defs/", "#/components/schemas/"))
        schemas.update(schema.pop("$defs", {}))
        schema.pop("$schema", None)
        schema.pop("$id", None)
        schemas[name] = schema
    return {**schemas, any_of_them: {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}}


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
