"""A wiring in words, marks and boxes: before it is asked for, and while it is on its way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import reverse

from sharing.models import Account, Function, WiringStep
from sharing.models.wiring import StepState, TestState, WiringState
from sharing.policy.following import Line, changed
from sharing.policy.wiring import SOURCES, Plan, Refusal, Side, Step, Style
from sharing.services.mapping import place
from sharing.services.waking.sources import name_of
from sharing.services.wiring import FOREIGN

from .waking_rows import ICONS

Mark = tuple[str, str, str]  # tone, icon, words

STATES: Final[dict[str, Mark]] = {
    WiringState.WORKING: ("busy", "loader-2", "Under way"),
    WiringState.WAITING: ("wait", "hourglass", "Waits for the other side"),
    WiringState.SAID: ("wait", "user", "Said to be done, not seen"),
    WiringState.IN_PLACE: ("ok", "circle-check", "In place"),
    WiringState.PROVED: ("ok", "shield-check", "Proved: the function ran"),
    WiringState.FAILED: ("bad", "circle-x", "Failed"),
    WiringState.STUCK: ("bad", "alert-octagon", "Stuck"),
    WiringState.UNDOING: ("busy", "loader-2", "Being taken back"),
    WiringState.UNDONE: ("off", "circle-minus", "Taken back"),
}
STEPS: Final[dict[str, Mark]] = {
    StepState.BLOCKED: ("off", "clock", "Waits for the step before"),
    StepState.QUEUED: ("wait", "hourglass", "Waits for a worker"),
    StepState.TOLD: ("busy", "loader-2", "AWS is at it"),
    StepState.SEEN: ("ok", "circle-check", "Seen in place"),
    StepState.ASKED: ("wait", "user-question", "Handed over, not seen yet"),
    StepState.SAID: ("wait", "user", "Said to be done, not seen"),
    StepState.FAILED: ("bad", "circle-x", "Failed"),
    StepState.STUCK: ("bad", "alert-octagon", "Stuck"),
    StepState.UNDOING: ("busy", "loader-2", "Being taken back"),
    StepState.UNDONE: ("off", "circle-minus", "Taken back"),
    StepState.KEPT: ("off", "link", "Left as it is"),
}
TESTS: Final[dict[str, Mark]] = {
    TestState.NONE: ("off", "circle-dashed", "Not tried"),
    TestState.QUEUED: ("wait", "hourglass", "Waits for a worker"),
    TestState.SENT: ("busy", "loader-2", "Sent, not seen to arrive yet"),
    TestState.ARRIVED: ("ok", "shield-check", "The function ran"),
    TestState.UNSEEN: ("warn", "eye-off", "Not seen to run"),
    TestState.FAILED: ("bad", "circle-x", "Could not be sent"),
}
#: How a style of source comes to the function, on the line of the picture.
_LINES: Final = {
    Style.PUSH: "{label} calls it",
    Style.ROLE: "calls it, through a role",
    Style.PULL: "Lambda polls it, as the function’s execution role",
}
_WAYS_IN: Final = {
    Style.PUSH: ("lock-open", "The function’s policy"),
    Style.ROLE: ("lock-open", "The function’s policy"),
    Style.PULL: ("refresh", "Event source mapping"),
}


@dataclass(frozen=True)
class ShownStep:
    """One step: the plan's words, and its row once somebody asked for it.

    `hint`: the short name that the picture uses. `notes`: what to know, and whether it is something nobody verified.
    """

    number: int
    of: Step
    who: Mark
    account: str
    account_name: str
    hint: str
    parameters: str
    notes: tuple[tuple[str, bool], ...]
    row: WiringStep | None = None
    mark: Mark = ("off", "circle-dashed", "Planned")

    @property
    def done(self) -> bool:
        """Whether it was seen in place."""
        return self.row is not None and self.row.state == StepState.SEEN


@dataclass(frozen=True)
class Box:
    """One box of the picture, with the steps that make it work."""

    icon: str
    title: str
    lines: tuple[str, ...]
    steps: tuple[ShownStep, ...]
    url: str = ""


@dataclass(frozen=True)
class Picture:
    """Source, way in and function, and the accounts they live in. `tone`: "" planned, "ok" seen whole, "off" taken back."""

    source: Box
    way: Box
    function: Box
    source_account: tuple[str, str]
    owner_account: tuple[str, str]
    crosses: bool
    line: str
    tone: str
    words: str


@dataclass(frozen=True)
class WayRound:
    """What can be done instead of a refused wish; `url` where there is a page for it."""

    words: str
    url: str = ""


def names_of(numbers: Iterable[str]) -> dict[str, str]:
    """What these accounts are called here: one query."""
    return dict(Account.objects.filter(number__in={one for one in numbers if one}).values_list("number", "name"))


def steps_of(plan: Plan, names: Mapping[str, str], rows: Sequence[WiringStep] = ()) -> list[ShownStep]:
    """The plan's steps in their order, each with its row where there is one."""
    by_key = {row.key: row for row in rows}
    return [_step(number, step, names, by_key.get(step.key)) for number, step in enumerate(plan.steps, start=1)]


def picture_of(
    plan: Plan, function: Function, qualifier: str, steps: Sequence[ShownStep], names: Mapping[str, str], *, tone: str = ""
) -> Picture:
    """The plan drawn. `function` with its account. Steps of the source's side stand at the source, ours at the way in."""
    kind = SOURCES[plan.kind]
    owner = function.account
    icon, title = _WAYS_IN[kind.style]
    theirs = tuple(step for step in steps if step.of.side is Side.SOURCE or _at_source(step.of))
    principal = plan.permission.principal.label() if plan.permission else ""
    lines = (f"lets in {principal}",) if principal else ("needs no statement in the function’s policy",)
    name = name_of(plan.source)
    url = reverse("function-detail", args=[function.pk])
    sentence = "; ".join(f"step {step.number}, {step.hint}: {step.mark[2]}" for step in steps)
    return Picture(
        source=Box(ICONS.get(plan.kind, "cloud"), name, (kind.label,), theirs),
        way=Box(icon, title, lines, tuple(step for step in steps if step not in theirs)),
        function=Box("lambda", place(function, qualifier), (function.region,), (), url),
        source_account=(plan.source_account, names.get(plan.source_account, "")),
        owner_account=(owner.number, owner.name),
        crosses=plan.source_account != owner.number,  # what is not known is drawn apart
        line=_LINES[kind.style].format(label=kind.label.split(" ", 1)[0]),
        tone=tone,
        words=f"{kind.label} {name} wakes {place(function, qualifier)}: {sentence}.",
    )


def ways_round(refusal: Refusal, function: Function, *, source_account: str = "") -> list[WayRound]:
    """The ways round of a refusal, as links where a page leads there."""
    return [WayRound(words, _where(words, function, source_account)) for words in refusal.ways]


def notes_in(notes: Iterable[str]) -> tuple[tuple[str, bool], ...]:
    """Each note with whether it says that something is not verified (aws-facts 9): neither yes nor no."""
    return tuple((note, "not verified" in note) for note in notes)


#: What a way round begins with or holds → the kind of source that it leads to.
_KINDS: Final = (
    (re.compile(r"^An EventBridge rule"), "eventbridge"),
    (re.compile(r"^An SNS topic|^A topic in "), "sns"),
    (re.compile(r"Kinesis"), "kinesis"),
    (re.compile(r"^API Gateway"), "apigateway"),
)


def _where(words: str, function: Function, source_account: str) -> str:
    if "calls yours" in words or words.startswith("Share this function"):
        asked = f"?{urlencode({'who': source_account})}" if source_account else ""
        return f"{reverse('function-share', args=[function.pk])}{asked}"
    for pattern, kind in _KINDS:
        if pattern.search(words):
            return f"{reverse('wiring-new')}?{urlencode({'function': str(function.pk), 'kind': kind})}"
    return ""


_HINTS: Final = {
    "permission": "statement",
    "notification": "notification",
    "topic-policy": "topic’s policy",
    "subscription": "subscription",
    "role": "role",
    "target": "target",
    "alarm-action": "alarm action",
    "execution-role": "execution role’s policy",
    "source-policy": "source’s policy",
    "mapping": "mapping",
    "reach": "network and secret",
    "source": "set-up of the source",
}


def _at_source(step: Step) -> bool:
    """Steps in one account all are the owner's: those about the source itself stand at the source all the same."""
    return step.key in ("notification", "topic-policy", "role", "target", "alarm-action", "source-policy", "source", "reach")


def _step(number: int, step: Step, names: Mapping[str, str], row: WiringStep | None) -> ShownStep:
    ours = step.ours if row is None else row.ours
    name = names.get(step.account, "")
    if ours:
        who = ("ok", "robot", "fnshare does it")
    elif step.side is Side.SOURCE:
        who = ("wait", "users", f"People of {name or 'the source’s account'}")
    else:
        who = ("wait", "user", "Your administrator")
    return ShownStep(
        number,
        step,
        who,
        step.account,
        name,
        _HINTS.get(step.key, step.key),
        pretty(step.parameters),
        notes_in(step.notes),
        row,
        STEPS.get(row.state, ("off", "help-circle", row.state)) if row is not None else ShownStep.mark,
    )


def compared(row: WiringStep | None) -> tuple[Line, ...]:
    """What somebody else changed in between: the source's configuration as it was before our write and as it is, a line each.

    Empty unless the step failed for that.
    """
    if row is None or row.failure_code != FOREIGN:
        return ()
    return changed(row.before, row.after)


def pretty(parameters: Any) -> str:
    """Parameters of a call as JSON that people read; "" for none."""
    return json.dumps(parameters, indent=2, ensure_ascii=False, default=str) if parameters else ""
