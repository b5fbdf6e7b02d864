"""Alerts as pages show them: in words of one language, with every reason for them, and what may be done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from config.moments import SHANGHAI
from detectors.registry import by_id
from monitor.identifiers import regions
from monitor.store.work.alertlist import Chosen
from monitor.web.render import capital, minute
from monitor.web.supervision_texts import FLAG_NAMES, STATE_NAMES, STEP_NAMES, SUPERVISION
from monitor.web.task_texts import OUTCOMES, STEPS
from monitor.web.texts import Language, duty_text

EVIDENCE: Final = 10
"""Pieces of evidence shown of one reason, the newest."""

ENTERPRISES: Final = 30
"""Enterprises shown of an alert that names many."""

ACTS: Final[dict[str, tuple[str, ...]]] = {
    "open": ("acknowledged", "dispatched", "snoozed"),
    "acknowledged": ("dispatched", "snoozed", "reopened"),
    "resolved": ("reopened",),
}
"""What is offered in which status; the stage decides all the same."""

NEEDS: Final[dict[str, str]] = {
    "acknowledged": "",
    "dispatched": "",
    "snoozed": "reason until",
    "reopened": "reason",
}


def head(alert: dict[str, Any], language: Language) -> dict[str, Any]:
    """An alert (contract §5) as a list shows it."""
    subject, region = alert["subject"], alert["region"]
    detector = alert["detector"].partition("@")[0]
    return {
        **alert,
        "opened": False,
        "title": capital(getattr(by_id(detector).title, language)),
        "label": subject["label"],
        "code": subject["key"] if subject["kind"] == "enterprise" else "",
        "place": regions.name(region) if region else None,
        "status_name": getattr(STATE_NAMES[alert["status"]], language),
        "flag_names": [getattr(FLAG_NAMES[flag], language) for flag in alert["flags"]],
        "reason": alert["reasons"][0]["reason"][language],
        "since_day": alert["signals"][0]["since"][:10],
    }


def involved(alert: Mapping[str, Any]) -> list[str]:
    """The enterprises that an opened alert names, in order: those of its group where it tells them, else those that its
    evidence is about. All that a signal counts are with the signal, and with the task.
    """
    if alert.get("subgraph"):
        return list(alert["subgraph"]["nodes"])
    return sorted({item["subject"] for reason in alert["reasons"] for item in reason.get("evidence", ())})


def whole(
    alert: dict[str, Any],
    names: Mapping[str, str],
    chosen: Chosen,
    language: Language,
    forecast: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An opened alert. `names`: of the enterprises `involved`, by their codes; `forecast`: see `forecast_views`."""
    codes = involved(alert)
    status = alert["status"]
    allowed = list(ACTS.get(status, ()))
    if "snoozed" in alert["flags"] and "reopened" not in allowed:
        allowed.append("reopened")
    return {
        **head(alert, language),
        "opened": True,
        "chosen": is_chosen(alert, chosen),
        "why": [
            {"number": number, **reason_in_words(reason, language)}
            for number, reason in enumerate(alert["reasons"], start=1)
        ],
        "involved": [{"code": code, "name": names.get(code, "")} for code in codes[:ENTERPRISES]],
        "involved_count": len(codes),
        "ties": [_tie(tie, language) for tie in (alert.get("subgraph") or {}).get("ties", ())],
        "weak_identity": any(signal["weak_identity"] for signal in alert["signals"]),
        "steps": [_step(step, language) for step in reversed(alert["history"])],
        "snoozed_day": _last_day(alert["snoozed_until"]),
        "acts": [
            {
                "type": f"supervision.alert_{name}",
                "needs": NEEDS[name],
                "text": getattr(SUPERVISION[f"do_{name}"], language),
            }
            for name in allowed
        ],
        "takes_until": "snoozed" in allowed,
        "forecast": forecast,
    }


def reason_in_words(reason: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """One reason of an alert, of a rule or of a model.

    Args:
        reason: has `reason`, zh and en; and what there is of `contribution`, `value`, `usual` (among peers, from and
            to), `threshold`, `way_out`, `evidence` and `deadlines`.
        language: the language.

    Returns:
        What the template `_reason.html` shows; what there is not is empty.
    """
    evidence = reason.get("evidence", [])
    way_out = reason.get("way_out")
    usual = reason.get("usual")
    given = {
        "value": reason.get("value"),
        "usual": None if usual is None else " … ".join("?" if one is None else f"{one:g}" for one in usual),
        "threshold": reason.get("threshold") or None,
        "contribution": reason.get("contribution"),
    }
    numbers = [
        getattr(SUPERVISION[f"of_{name}"], language).format(value if isinstance(value, str) else f"{value:g}")
        for name, value in given.items()
        if value is not None
    ]
    return {
        "text": capital(reason["reason"][language]),
        "rule": reason.get("rule", ""),
        "numbers": numbers,
        "way_out": "" if way_out is None else capital(way_out[language]),
        "deadlines": [duty_text(deadline, language) for deadline in reason.get("deadlines", [])],
        "evidence": list(reversed(evidence[-EVIDENCE:])),
        "evidence_count": len(evidence),
    }


def _tie(tie: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """What ties enterprises of a group: a room by its address, or a person, who is not named."""
    return {
        "by": getattr(SUPERVISION[f"tie_{tie['by']}"], language),
        "name": tie["name"],
        "weak": tie["weak"],
        "count": getattr(SUPERVISION["tie_count"], language).format(n=len(tie["nodes"])),
    }


def is_chosen(alert: dict[str, Any], chosen: Chosen) -> bool:
    """Whether an alert is among those chosen; others are shown while they are open."""
    live = alert["status"] in ("open", "acknowledged", "dispatched")
    quiet = bool({"snoozed", "inhibited", "disputed"} & set(alert["flags"])) or not alert["signals"][0]["in_force"]
    states = {"all", alert["status"]} | ({"quiet" if quiet else "asking"} if live else set())
    return (
        chosen.region in (None, alert["region"])
        and chosen.level in (None, alert["level"])
        and chosen.rule in (None, alert["detector"].partition("@")[0])
        and chosen.state in states
    )


def _last_day(until: str | None) -> str | None:
    """The day with whose end a snooze ends."""
    if until is None:
        return None
    return (dt.datetime.fromisoformat(until).astimezone(SHANGHAI) - dt.timedelta(microseconds=1)).date().isoformat()


def _step(step: dict[str, Any], language: Language) -> dict[str, Any]:
    """An entry of a history in words; what became of a task is a word of a closed list."""
    name = STEP_NAMES.get(step["what"])
    reason = step.get("reason")
    if step["what"] in ("resolved", "withdrawn"):
        word = OUTCOMES.get(reason or "") or STEPS.get(reason or "")
        reason = reason if word is None else getattr(word, language)
    return {
        **step,
        "minute": minute(dt.datetime.fromisoformat(step["at"])),
        "name": step["what"] if name is None else getattr(name, language),
        "who": step.get("officer", ""),
        "why": reason or "",
        "names": False,
    }
