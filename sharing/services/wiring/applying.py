"""Towards wired: ours is put into the source's own configuration if it is not there, and believed only when read again.

S3, SNS, SQS, streams and alarms replace a whole document at each write. So it is read just before and just after; before the
write the row says that one begins, so that a write without an answer is known as such by whoever comes next.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from sharing.aws.errors import Refused, Unavailable
from sharing.models import StepState, WiringStep
from sharing.services import limits
from sharing.services.operating import restored

from . import rights, settling
from .door import SourceDoor
from .part import Config, Part
from .shapes import Outcome
from .words import as_found

#: What AWS took may be missing from its next answers for this long (policies of topics, queues and streams).
_SHOWN_WITHIN = timedelta(seconds=90)
_LOST = "Have somebody try again who may."
_FOREIGN_NEXT = "Look at both versions. What AWS has now stays as it is; try again to go on from there."


def apply(step: WiringStep, part: Part, door: SourceDoor) -> Outcome:
    """One run. Raises what `door` raises."""
    if lost := rights.lost_by_responsible(step.wiring):
        return settling.failed(step, lost, _LOST, code="not-permitted")
    now = part.read(door.sources)
    if restored.asked_before(step.started_at) and not part.holds(now):
        return settling.failed(step, restored.SENTENCE, restored.NEXT, code=restored.CODE)
    unknown = under_way(step)
    if unknown:
        if ended := _landed(step, part, now):
            return ended
        if just_told(step):
            return settling.later(step, f"AWS took it, and does not show it in {part.what} yet.", "", code="not-shown")
    elif part.holds(now):
        return settling.seen(step, as_found(step, _is_there(part)))
    if found := part.hindrance(now):
        return settling.failed(step, found.sentence, found.next, code=found.code, before=None)
    try:
        limits.require(step.account, subject=step.pk)
    except limits.Frozen as stopped:
        return settling.frozen(step, stopped)
    except limits.Beyond as stopped:
        return settling.failed(step, stopped.sentence, stopped.next, code=stopped.code)
    if not settling.move(step, StepState(step.state), before=plain(now), after=None, **settling.CLEARED):
        return Outcome(step)  # abandoned meanwhile: nothing was written
    try:
        sources = door.sources
        with door.giving():
            request_id = part.add(sources, now)
    except Refused as error:
        sentence, following = of_refusal(error, step)
        kept = {} if unknown else {"before": None}  # an earlier write may still show itself
        return settling.failed(step, sentence, following, code=error.code, request_id=error.request_id, **kept)
    except Unavailable as error:
        if not error.maybe_done:
            settling.move(step, StepState(step.state), before=None)
        raise
    settling.move(step, StepState(step.state), told_at=timezone.now(), request_id=request_id, made=True)
    after = part.read(door.sources)
    if not part.holds(after):
        if not part.whole or part.same(after, now):
            return settling.later(step, f"AWS took it, and does not show it in {part.what} yet.", "", code="not-shown")
        return foreign(step, part, now, after)
    if part.whole and not part.same(after, part.with_ours(now)):
        return foreign(step, part, now, after)
    return settling.seen(step, _is_there(part), before=plain(now), after=plain(after), made=True)


def under_way(step: WiringStep) -> bool:
    """Whether a write began of which nobody knows how it ended."""
    return step.before is not None and step.after is None


def just_told(step: WiringStep) -> bool:
    """Whether AWS took a write so lately that its answers may be older."""
    return step.told_at is not None and timezone.now() - step.told_at < _SHOWN_WITHIN


def foreign(step: WiringStep, part: Part, before: Config, after: Config) -> Outcome:
    """Somebody else wrote at the same time: stop, keep both versions, leave the decision to a person."""
    sentence = f"Somebody else changed {part.what} while fnshare did."
    return settling.failed(
        step,
        sentence,
        _FOREIGN_NEXT,
        code=settling.FOREIGN,
        before=plain(before),
        after=plain(after),
        made=not part.absent(after),
    )


def as_one_of_us_left_it(step: WiringStep, part: Part, now: Config) -> bool:
    """Whether the source is as the last write of any wiring left it: then nobody else was there."""
    others = WiringStep.objects.filter(
        wiring__source_arn=step.wiring.source_arn, key=step.key, after__isnull=False, told_at__isnull=False
    )
    last = others.exclude(pk=step.pk).exclude(failure_code=settling.FOREIGN).order_by("-told_at").first()
    return last is not None and last.after is not None and part.same(now, last.after)


def plain(config: Config) -> Any:
    """As a row can keep it."""
    return json.loads(json.dumps(config, default=str))


def of_refusal(error: Refused, step: WiringStep) -> tuple[str, str]:
    """What AWS refused of a source, and what to do."""
    if error.is_access_denied:
        return error.sentence, f"{error.next} Then try again."
    if "validate the following destination configurations" in error.message:
        return (
            "S3 may not call the function yet: it asked Lambda, and Lambda said no.",
            "A new permission may take a moment: try again. If it stays, look at the function's policy.",
        )
    return error.sentence, error.next or "Correct what AWS names, then try again."


def _landed(step: WiringStep, part: Part, now: Config) -> Outcome | None:
    """What became of the write that got no answer. None: nothing came of it, it can be tried anew."""
    before: Config = step.before or {}
    if part.holds(now):
        if not part.whole or part.same(now, part.with_ours(before)) or as_one_of_us_left_it(step, part, now):
            return settling.seen(step, _is_there(part), after=plain(now), made=True, told_at=step.told_at or timezone.now())
        return foreign(step, part, before, now)
    if not part.whole or part.same(now, before) or as_one_of_us_left_it(step, part, now):
        return None
    return foreign(step, part, before, now)


def _is_there(part: Part) -> str:
    return f"Seen in {part.what}."
