"""What is wrong with each row: the rules, and what two rows have in common. No query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sharing.policy import services

from .shapes import Problem, Trouble, Waker, Way
from .wired import UNDER_WAY

#: AWS's last word about a batch that could not be processed begins so.
PROBLEM = "PROBLEM"


def judged(rows: Iterable[Waker]) -> list[Waker]:
    """The rows with their troubles, the worst first."""
    rows = list(rows)
    twice = _twice(rows)
    order = list(Problem)
    found = []
    for place, row in enumerate(rows):
        troubles = [
            *_of_wiring(row),
            *_RULES[row.way](row),
            *([Trouble(Problem.DUPLICATE, twice[place])] if place in twice else []),
        ]
        troubles.sort(key=lambda one: order.index(one.problem))
        found.append(replace(row, troubles=tuple(troubles)) if troubles else row)
    return found


def _of_wiring(row: Waker) -> Iterator[Trouble]:
    if row.wiring_state == "failed":
        yield Trouble(Problem.FAILING, "Its wiring failed: a step waits for somebody to decide.")
    elif row.wiring_state == "stuck":
        yield Trouble(Problem.STUCK, "Its wiring is stuck: a step has been unsettled for long, and is still tried.")


def _of_pull(row: Waker) -> Iterator[Trouble]:
    if row.result.upper().startswith(PROBLEM):
        yield Trouble(Problem.FAILING, f"AWS says of the last batch: {row.result[:200].rstrip('.')}.")
    if row.stuck_since is not None:
        yield Trouble(Problem.STUCK, f"{row.state} since {row.stuck_since:%Y-%m-%d %H:%M} UTC or earlier, by two reads.")
    if row.lacks and row.lacks != UNDER_WAY:
        yield Trouble(Problem.ORPHAN_TRIGGER, f"{row.lacks[:1].upper()}{row.lacks[1:]}, so it wakes nothing.")
    if row.state in ("Disabled", "Disabling"):
        yield Trouble(Problem.OFF, "It is switched off: what arrives in the source wakes nothing.")


def _of_push(row: Waker) -> Iterator[Trouble]:
    if row.lacks == UNDER_WAY:
        return
    known = services.lookup(row.service)
    if row.grant is not None:
        yield Trouble(
            Problem.ORPHAN_TRIGGER, f"{row.lacks[:1].upper()}{row.lacks[1:]}: what it sends, if anything, is refused."
        )
        return
    if row.lacks:
        yield Trouble(Problem.ORPHAN_GRANT, f"The statement lets nobody in: {row.lacks}.")
    elif known is not None and known.advice:
        yield Trouble(Problem.ORPHAN_GRANT, known.advice)
    elif known is not None and known.crosses_accounts is False and row.whose and row.whose != row.place.number:
        yield Trouble(Problem.ORPHAN_GRANT, f"{known.label} cannot call a function of another account.")
    if row.open == "yes":
        yield Trouble(Problem.OPEN, "No source closes it: any AWS account can make the service call.")
    elif row.open == "depends":
        yield Trouble(Problem.OPEN, "It depends whether any AWS account can make the service call.")


def _of_url(row: Waker) -> Iterator[Trouble]:
    if row.lacks and not row.auth:
        yield Trouble(Problem.ORPHAN_GRANT, f"The statement is for a function URL, and {row.lacks}.")
    elif row.lacks:
        yield Trouble(Problem.ORPHAN_TRIGGER, f"{row.lacks[:1].upper()}{row.lacks[1:]}.")
    if row.open == "yes":
        whose = "Any AWS account" if row.auth == "AWS_IAM" else "Everyone on the internet"
        yield Trouble(Problem.OPEN, f"{whose} can call it{'' if row.auth else ', if it has one'}.")
    elif row.open == "depends":
        yield Trouble(Problem.OPEN, "It depends whether everyone can call it.")


_RULES = {Way.PULL: _of_pull, Way.PUSH: _of_push, Way.URL: _of_url}


def _twice(rows: Sequence[Waker]) -> dict[int, str]:
    """By the place of a row: that the same source stands in another one, too; equal statements are one row already."""
    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        if row.way is Way.PULL and row.sources and row.lacks != UNDER_WAY:
            alike[row.way, row.place.pk, row.sources].append(place)
        elif row.way is Way.PUSH and not row.by_token and row.lacks != UNDER_WAY:
            alike[row.policy, row.service, row.whose, row.organization, *sorted(row.sources)].append(place)
    found: dict[int, str] = {}
    for places in alike.values():
        if len(places) == 1 and len(rows[places[0]].statements) < 2:
            continue
        many = len({index for one in places for index in rows[one].statements})
        for one in places:
            if rows[one].way is Way.PUSH and many > 1:
                found[one] = f"{'Two' if many == 2 else f'{many:,}'} statements let the same source in."
            elif rows[one].way is Way.PULL and len(places) > 1:
                others = ", ".join(dict.fromkeys(rows[other].form for other in places if other != one))
                found[one] = f"Another mapping of the same source runs {others}."
    return found
