"""Towards taken back: ours is taken out of the source's configuration, nothing else is touched, and it is read again."""

from __future__ import annotations

from django.utils import timezone

from sharing.aws.errors import Refused, Unavailable
from sharing.aws.wired import Absent
from sharing.models import StepState, WiringStep

from . import rights, settling
from .applying import as_one_of_us_left_it, foreign, of_refusal, plain, under_way
from .door import SourceDoor
from .part import Config, Part
from .shapes import Outcome


def turn(step: WiringStep) -> bool:
    """Whether every step after this one is taken back, or stays for good."""
    after = step.wiring.steps.filter(position__gt=step.position)
    return not after.exclude(state__in=(StepState.UNDONE, StepState.KEPT)).exists()


def take_out(step: WiringStep, part: Part, door: SourceDoor) -> Outcome:
    """One run. Raises what `door` raises."""
    if not step.made:
        return settling.undone(step, "It was there before this wiring, and stays.", kept=True)
    if lost := rights.lost_by_responsible(step.wiring):
        return settling.failed(step, lost, "Have somebody take it back who may.", code="not-permitted")
    try:
        now = part.read(door.sources)
    except Absent as error:
        return settling.undone(step, f"Gone with its source. {error.sentence}")
    if under_way(step):
        if ended := _landed(step, part, now):
            return ended
    elif part.absent(now):
        return settling.undone(step, f"It was gone from {part.what} already.")
    elif not part.holds(now):
        sentence = f"Another tool changed what fnshare made in {part.what}, so it is left as it is."
        following = "Look at it in AWS and take it out there; then say that it is taken back."
        return settling.failed(
            step,
            sentence,
            following,
            code=settling.FOREIGN,
            before=plain(part.with_ours(part.without_ours(now))),
            after=plain(now),
        )
    if not settling.move(step, StepState(step.state), before=plain(now), after=None, **settling.CLEARED):
        return Outcome(step)
    try:
        request_id = part.remove(door.sources, now)
    except Refused as error:
        sentence, following = of_refusal(error, step)
        return settling.failed(step, sentence, following, code=error.code, request_id=error.request_id, before=None)
    except Unavailable as error:
        if not error.maybe_done:
            settling.move(step, StepState(step.state), before=None)
        raise
    settling.move(step, StepState(step.state), told_at=timezone.now(), request_id=request_id)
    after = part.read(door.sources)
    if part.whole and not part.same(after, part.without_ours(now)) and not part.same(after, now):
        return foreign(step, part, now, after)
    if not part.absent(after):
        return settling.later(step, f"AWS took it out, and still shows it in {part.what}.", "", code="still-shown")
    return settling.undone(step, f"Taken out of {part.what}, seen by reading it again.", after=plain(after))


def _landed(step: WiringStep, part: Part, now: Config) -> Outcome | None:
    """What became of the write that got no answer. None: nothing came of it, it can be tried anew."""
    before: Config = step.before or {}
    if part.absent(now):
        if not part.whole or part.same(now, part.without_ours(before)) or as_one_of_us_left_it(step, part, now):
            words = f"Taken out of {part.what}, seen by reading it again."
            return settling.undone(step, words, after=plain(now), told_at=step.told_at or timezone.now())
        return foreign(step, part, before, now)
    if not part.whole or part.same(now, before) or as_one_of_us_left_it(step, part, now):
        return None
    return foreign(step, part, before, now)
