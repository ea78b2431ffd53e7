"""What wakes a function, in words and icons. What is wrong with it is decided by services.waking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sharing.services.waking import SETTLING, LetIn, Problem, Waker, Way

Mark = tuple[str, str, str]  # tone, icon, words

PROBLEM_WORDS: Final[dict[Problem, Mark]] = {
    Problem.FAILING: ("bad", "alert-octagon", "Failing"),
    Problem.STUCK: ("bad", "clock-exclamation", "Stuck"),
    Problem.ORPHAN_TRIGGER: ("warn", "plug-x", "Orphan trigger"),
    Problem.OPEN: ("warn", "lock-open", "Open"),
    Problem.ORPHAN_GRANT: ("warn", "ghost-2", "Orphan grant"),
    Problem.DUPLICATE: ("warn", "versions", "Duplicate"),
    Problem.OFF: ("off", "player-pause", "Off"),
}
_ICONS: Final = {
    "s3": "bucket",
    "sqs": "stack-2",
    "kinesis": "activity",
    "dynamodb": "database",
    "documentdb": "database",
    "sns": "mail",
    "eventbridge": "calendar-event",
    "alarm": "clock-exclamation",
    "logs": "list",
    "url": "world",
    "cognito": "users",
    "secretsmanager": "key",
    "config": "settings",
    "codecommit": "code",
}


#: What a wiring's state is shown as, where no mapping of AWS tells more.
WIRING_STATES: Final[dict[str, Mark]] = {
    "working": ("busy", "loader-2", "Wiring under way"),
    "waiting": ("wait", "hourglass", "Wiring waits for the other side"),
    "said": ("off", "help-circle", "Said to be wired"),
    "in-place": ("ok", "circle-check", "Wiring in place"),
    "proved": ("ok", "circle-check", "Wiring proved"),
    "failed": ("bad", "circle-x", "Wiring failed"),
    "stuck": ("bad", "alert-octagon", "Wiring stuck"),
    "undoing": ("busy", "loader-2", "Wiring is taken back"),
}


@dataclass(frozen=True)
class Row:
    """One thing that can wake a function. `name`: the source, or that none is named. `whose`: its account in words."""

    of: Waker
    let_in: tuple[LetIn, ...]
    icon: str
    name: str
    whose: str
    state: Mark
    marks: tuple[tuple[Mark, str], ...]

    @property
    def idle(self) -> bool:
        """Whether it wakes nothing now, for certain."""
        return bool(self.of.lacks) or any(one.problem in (Problem.OFF, Problem.ORPHAN_GRANT) for one in self.of.troubles)

    @property
    def needs(self) -> str:
        """What is said where no statement is shown."""
        if self.of.way is not Way.PULL:
            return "Not known" if self.of.unread else "No statement"
        if self.of.whose and self.of.whose != self.of.place.number:
            return "Needs none here; the source’s own policy was not read"
        return "Needs none: Lambda polls it"

    @property
    def words(self) -> str:
        """The whole row in a sentence, for who does not see the picture."""
        match self.of.way:
            case _ if self.of.wiring_state and self.of.lacks:
                return f"{self.name} is to be wired to {self.of.form}"
            case Way.PULL:
                return f"{self.name} is polled for {self.of.form}"
            case Way.PUSH:
                known = WIRING_STATES[self.of.wiring_state][2].lower() if self.of.wiring_state else ""
                return f"{self.name} may wake {self.of.form}; {known or 'whether it is wired is not looked at'}"
        return f"Who calls the URL wakes {self.of.form}"


@dataclass(frozen=True)
class Form:
    """The function, or an alias or version, with what can wake it."""

    name: str
    rows: tuple[Row, ...]


def shown(rows: Sequence[Waker], let_in: Sequence[tuple[LetIn, ...]]) -> list[Row]:
    """The rows in words."""
    return [_row(one, by) for one, by in zip(rows, let_in, strict=True)]


def drawn(rows: Iterable[Row]) -> list[Form]:
    """The rows by the form that runs, in their order."""
    return [Form(name, tuple(found)) for name, found in groupby(rows, key=lambda row: row.of.form)]


def _row(one: Waker, let_in: tuple[LetIn, ...]) -> Row:
    said = [trouble for trouble in one.troubles if trouble.problem is not Problem.OFF]  # its state says so already
    marks = tuple((PROBLEM_WORDS[trouble.problem], trouble.sentence) for trouble in said)
    return Row(one, let_in, _ICONS.get(one.kind, "cloud"), _name(one), _whose(one), _state(one), marks)


def _name(one: Waker) -> str:
    match one.way:
        case Way.URL:
            return f"Function URL, {one.source}" if one.source else "Function URL"
        case Way.PULL:
            return f"{one.label} {one.source}".strip()
    if one.source == "*":
        return f"Any {one.label}"
    if one.sources:
        return f"{one.label} {one.source}"
    if one.by_token:
        return f"{one.label}, by a secret token"
    return f"Any {one.label}" if one.kind != "other" else f"Anything of {one.service if one.service != '*' else 'any service'}"


def _whose(one: Waker) -> str:
    if one.way is Way.URL and one.callers:
        more = f" and {len(one.callers) - 3:,} more" if len(one.callers) > 3 else ""
        return f"{'for' if one.lacks else 'lets in'} {', '.join(one.callers[:3])}{more}"
    if one.whose or one.way is Way.URL:
        return ""
    if one.organization:
        return f"of organisation {one.organization}"
    if one.way is Way.PULL or one.by_token:
        return ""
    return "whose is not said" if one.sources else "of any account" if one.open == "yes" else ""


def _state(one: Waker) -> Mark:
    if one.wiring_state and one.mapping is None and (one.way is Way.PUSH or not one.statements):
        return WIRING_STATES[one.wiring_state]
    match one.way:
        case Way.PULL:
            return _of_mapping(one)
        case Way.URL:
            if not one.auth and not one.lacks:
                return "warn", "eye-off", "URLs not read yet"
            if one.unread:
                return "warn", "eye-off", "Policy unread"
            return ("off", "lock", "Lets nobody in") if one.lacks else ("ok", "circle-check", "Answers")
    if one.lacks:
        return "off", "lock", "Lets nobody in"
    return "off", "help-circle", "May call, wiring not looked at"


def _of_mapping(one: Waker) -> Mark:
    if not one.state:
        return "off", "help-circle", "State not known"
    if one.state in SETTLING:
        return "wait", "hourglass", one.state
    if one.state == "Enabled":
        return "ok", "circle-check", one.state
    return "off", "player-pause", one.state
