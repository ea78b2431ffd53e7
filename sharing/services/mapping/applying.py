"""One run towards what is wanted: AWS is looked at, told if it is not so, and looked at until it has settled."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from sharing.aws.errors import Refused
from sharing.aws.mapped import ListedMapping
from sharing.aws.mappings import Accepted
from sharing.models import MappingChange, MappingChangeKind
from sharing.models.mapping import ON_ITS_WAY
from sharing.models.mapping_change import GIVES
from sharing.services import limits
from sharing.services.operating import restored

from . import rights, settling
from .door import MappingDoor
from .settling import Outcome
from .staging import STAGE
from .wording import satisfies

_NOT_FOUND = "ResourceNotFoundException"
_IN_USE = "ResourceInUseException"
#: A mapping that AWS accepted may be unknown to its next answer for this long.
_APPEARS_WITHIN = timedelta(seconds=60)
#: What AWS says when the execution role may not read the source (aws-facts 3.1; the words are not documented).
_MAY_NOT_READ = ("execution role does not have permissions", "cannot access stream", "ensure the role can perform")
_UNANSWERED = " An earlier try got no answer: read the function again to see."
ROLE_MAY_NOT_READ = "role-may-not-read"


def advance(change: MappingChange, door: MappingDoor) -> Outcome:
    """Do what is next. Raises what `door` raises."""
    if change.told_at is None:
        if restored.asked_before(change.created_at):
            return _restored(change, door)
        if lost := rights.lost_by_requester(change):
            doubt = _UNANSWERED if change.tries else ""
            return settling.failed(change, lost + doubt, "Have somebody ask who may.", code="not-permitted")
        if not door.may_map:
            sentence = f"The manager role of {change.function.account} may not change event source mappings."
            return settling.failed(change, sentence, STAGE, code="no-mappings-stage")
        if stopped := _stopped(change):
            return stopped
        ended = _create(change, door) if change.kind == MappingChangeKind.CREATE else _change(change, door)
        if ended is not None:
            return ended
    return _look(change, door)


def _stopped(change: MappingChange) -> Outcome | None:
    """What the workers' limits or a freeze make of it; None: it may be written. An answer that got lost is looked for later."""
    if change.kind not in GIVES:
        return None
    try:
        limits.require(change.function.account.number, subject=change.pk)
    except limits.Frozen as stopped:
        return settling.waits(change, stopped)
    except limits.Beyond as stopped:
        doubt = _UNANSWERED if change.tries else ""
        return settling.failed(change, stopped.sentence + doubt, stopped.next, code=stopped.code)
    return None


def _restored(change: MappingChange, door: MappingDoor) -> Outcome:
    """A backup brought it back: what AWS has now is kept, and nothing is told."""
    found = door.find() if change.kind == MappingChangeKind.CREATE else door.get()
    if found is not None:
        settling.keep(change, found)
        if change.kind != MappingChangeKind.CREATE and _is_so(change, found):
            return settling.done(change, "AWS has it so.")
    return settling.failed(change, restored.SENTENCE, restored.NEXT, code=restored.CODE)


def _create(change: MappingChange, door: MappingDoor) -> Outcome | None:
    """Create it, unless AWS has it already: an earlier try may have got no answer. None: AWS accepted it."""
    if found := door.find():
        return _adopt(change, found)
    try:
        accepted = door.create()
    except Refused as error:
        if error.code == "ResourceConflictException":
            if found := door.find():
                return _adopt(change, found)
            return settling.later(change, "AWS says that it exists, and does not list it yet.", "", code=error.code)
        if error.code == _IN_USE:
            return _busy(change, error)
        return _refused(change, error)
    return None if settling.told(change, accepted) else Outcome(change)


def _adopt(change: MappingChange, found: ListedMapping) -> Outcome | None:
    """AWS has a mapping from this source to this function: ours, if it is what was wanted."""
    if found.state == "Deleting":
        return settling.later(change, "AWS is still deleting the mapping that was there before.", "", code=_IN_USE)
    wanted = {"FilterCriteria": {}, **change.options}
    paused = found.state in ("Disabled", "Disabling")
    if not satisfies(found.options, wanted) or paused == bool(change.options.get("Enabled", True)):
        settling.keep(change, found)
        sentence = "A mapping from this source to this function exists already, and is not as wanted here."
        return settling.failed(change, sentence, "Change that one, or delete it first.", code="exists")
    return None if settling.told(change, Accepted(found, "")) else Outcome(change)


def _change(change: MappingChange, door: MappingDoor) -> Outcome | None:
    """Pause, resume, change or delete it, unless it is so. None: AWS accepted it."""
    found = door.get()
    if found is None:
        return _is_gone(change)
    if found.function.unqualified != door.target.unqualified:
        return _runs_another(change, found)
    settling.keep(change, found)
    if found.state == "Deleting" and change.kind == MappingChangeKind.DELETE:
        return None if settling.told(change, Accepted(found, "")) else Outcome(change)
    if _is_so(change, found):
        return settling.done(change, "AWS has it so.")
    if found.state in ON_ITS_WAY:
        return settling.later(change, f"AWS is busy with it: {found.state}.", "It goes on by itself.", code=_IN_USE)
    try:
        if change.kind == MappingChangeKind.DELETE:
            accepted = door.delete()
        elif change.kind == MappingChangeKind.UPDATE:
            accepted = door.update(**change.options)
        else:
            accepted = door.update(Enabled=change.kind == MappingChangeKind.RESUME)
    except Refused as error:
        if error.code == _IN_USE:
            return _busy(change, error)
        if error.code == _NOT_FOUND and door.get() is None:
            return _is_gone(change)
        return _refused(change, error)
    return None if settling.told(change, accepted) else Outcome(change)


def _look(change: MappingChange, door: MappingDoor) -> Outcome:
    """AWS accepted it: is it there?"""
    found = door.get()
    just_told = timezone.now() - (change.told_at or timezone.now()) < _APPEARS_WITHIN
    if found is None:
        if change.kind == MappingChangeKind.CREATE and just_told:
            return settling.on_its_way(change)
        return _is_gone(change)
    if found.function.unqualified != door.target.unqualified:
        return _runs_another(change, found)
    settling.keep(change, found)
    if _is_so(change, found):
        return settling.done(change, f"AWS says {found.state}.")
    if found.state in ON_ITS_WAY or just_told:  # an answer may be older than what AWS accepted
        return settling.on_its_way(change)
    reason = f" ({found.reason})" if found.reason else ""
    sentence = f"AWS accepted it and settled on something else: {found.state}{reason}."
    return settling.failed(change, sentence, "Look at the mapping as it is now, then ask again.", code="settled-otherwise")


def _is_so(change: MappingChange, found: ListedMapping) -> bool:
    """Whether a mapping that has settled is as the change wants it."""
    if found.state in ON_ITS_WAY or change.kind == MappingChangeKind.DELETE:
        return False
    if change.kind == MappingChangeKind.UPDATE:
        return satisfies(found.options, change.options)
    if change.kind == MappingChangeKind.CREATE:
        return found.state == ("Enabled" if change.options.get("Enabled", True) else "Disabled")
    return found.state == ("Disabled" if change.kind == MappingChangeKind.PAUSE else "Enabled")


def _is_gone(change: MappingChange) -> Outcome:
    settling.gone(change)
    if change.kind == MappingChangeKind.DELETE:
        return settling.done(change, "AWS knows it no more.")
    return settling.failed(change, "AWS knows this mapping no more.", "Create it anew, if it is still wanted.", code=_NOT_FOUND)


def _runs_another(change: MappingChange, found: ListedMapping) -> Outcome:
    sentence = f"Another tool changed this mapping: it runs {found.function.name} now, not {change.function.name}."
    return settling.failed(change, sentence, "Read both functions again.", code="runs-another")


def _busy(change: MappingChange, error: Refused) -> Outcome:
    return settling.later(change, "AWS is busy with this mapping.", "It is tried again by itself.", code=error.code)


def _refused(change: MappingChange, error: Refused) -> Outcome:
    """AWS said no, in words of what to do about it."""
    facts = {"code": error.code, "request_id": error.request_id}
    said = error.message.lower()
    if error.code == "InvalidParameterValueException" and any(words in said for words in _MAY_NOT_READ):
        sentence = "The function's execution role may not read the source, so AWS created nothing."
        following = "Below are the statements that let it in. Add what is missing, then try again."
        return settling.failed(change, sentence, following, code=ROLE_MAY_NOT_READ, request_id=error.request_id)
    if error.is_access_denied:
        sentence = f"The manager role of {change.function.account} may not do this."
        return settling.failed(change, f"{sentence} {error.sentence}", STAGE, **facts)
    if error.code == _NOT_FOUND:
        sentence = "AWS knows no such function, alias or version any more."
        return settling.failed(change, sentence, "Read the function again.", **facts)
    if error.code == "InvalidParameterValueException":
        said = error.message or error.sentence
        return settling.failed(change, f"AWS refused the settings: {said}", "Correct them, then ask again.", **facts)
    return settling.failed(change, error.sentence, error.next, **facts)
