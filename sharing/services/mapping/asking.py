"""Asking for a change of a mapping: one row, written before anything else; a worker makes it so."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from typing import Any

from django.db import IntegrityError, transaction

from sharing.models import Actor, Mapping, MappingChange, MappingChangeKind
from sharing.policy.wiring import MappingOptions
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.history import record

from . import rights
from .planning import MappingPlan, way_in_problem
from .wording import doing, is_ours_to_change, satisfies

#: Options that cannot be changed once a mapping is there.
_FIXED = ("Enabled", "StartingPosition", "StartingPositionTimestamp")
#: What takes an option away; the others have no "none".
_NONE: Dict[str, Any] = {
    "FilterCriteria": {"Filters": []},
    "ScalingConfig": {},
    "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [],
    "BisectBatchOnFunctionError": False,
    "MaximumBatchingWindowInSeconds": 0,
}


def create(plan: MappingPlan, *, by: Actor, form_token: str) -> MappingChange:
    """Ask for the mapping of the plan. The same `form_token` twice: the same change. Raises Refusal."""
    rights.require_change(by, plan.function, "That function")
    if made := sent(form_token, by):
        return made
    if not plan.ok:
        first = plan.problems[0]
        raise Refusal(first.message, next=first.next, field=first.field)
    return _keep(
        MappingChange(
            kind=MappingChangeKind.CREATE,
            function=plan.function,
            qualifier=plan.qualifier,
            source_arn=plan.source,
            options=dict(plan.parameters),
        ),
        by,
        form_token,
    )


def pause(mapping: Mapping, *, by: Actor, form_token: str) -> MappingChange:
    """Ask AWS to stop polling. Raises Refusal."""
    return _of(mapping, MappingChangeKind.PAUSE, {}, by, form_token)


def resume(mapping: Mapping, *, by: Actor, form_token: str) -> MappingChange:
    """Ask AWS to poll again. Raises Refusal."""
    return _of(mapping, MappingChangeKind.RESUME, {}, by, form_token)


def delete(mapping: Mapping, *, by: Actor, form_token: str) -> MappingChange:
    """Ask AWS to delete it. Raises Refusal."""
    return _of(mapping, MappingChangeKind.DELETE, {}, by, form_token)


def change(mapping: Mapping, options: MappingOptions, *, by: Actor, form_token: str) -> MappingChange:
    """Ask AWS to change options. Raises Refusal, with its field; `nothing` when everything is so already."""
    rights.require_change(by, mapping.function)
    for problem in problems_of(mapping, options):
        raise Refusal(problem.message, next=problem.next, field=problem.field)
    wanted = differences(mapping, options)
    if not wanted and not sent(form_token, by):
        raise Refusal("Nothing was changed.", next="Change something, or go back.", code="nothing")
    return _of(mapping, MappingChangeKind.UPDATE, wanted, by, form_token)


def problems_of(mapping: Mapping, options: MappingOptions) -> list[Any]:
    """What AWS would refuse of these options for this mapping; where it starts is settled already."""
    found = options.problems(mapping.kind, fifo=mapping.source_arn.endswith(".fifo"))
    return [one for one in found if one.field not in ("starting_position", "starting_timestamp")]


def differences(mapping: Mapping, options: MappingOptions) -> dict[str, Any]:
    """The parameters that differ from what AWS has, as last read; what was taken away is named as none."""
    asked = {key: value for key, value in options.parameters().items() if key not in _FIXED}
    wanted = {key: value for key, value in asked.items() if not satisfies(mapping.options, {key: value})}
    taken = {key: none for key, none in _NONE.items() if key not in asked and not satisfies(mapping.options, {key: none})}
    taken = {key: none for key, none in taken.items() if mapping.options.get(key)}
    return {**wanted, **taken}


def again(failed: MappingChange, *, by: Actor) -> MappingChange:
    """The same once more, after it failed. Clicked twice: one change. Raises Refusal."""
    rights.require_change(by, failed.function)
    token = f"again-{failed.pk.hex}"
    if made := MappingChange.objects.filter(form_token=token).first():
        return made
    if failed.state != "failed":
        raise Refusal("It did not fail.", next="Reload the page to see where it stands.", code="stale")
    if failed.mapping is not None:
        if failed.kind == MappingChangeKind.CREATE:
            raise Refusal("The mapping exists already.", next="Change that one.", code="stale")
        return _of(failed.mapping, MappingChangeKind(failed.kind), failed.options, by, token)
    if way := way_in_problem(failed.function):
        raise Refusal(way.message, next=way.next, code="no-way-in")
    return _keep(
        MappingChange(
            kind=failed.kind,
            function=failed.function,
            qualifier=failed.qualifier,
            source_arn=failed.source_arn,
            options=failed.options,
        ),
        by,
        token,
    )


def _of(mapping: Mapping, kind: MappingChangeKind, options: dict[str, Any], by: Actor, form_token: str) -> MappingChange:
    rights.require_change(by, mapping.function)
    if made := sent(form_token, by):
        return made
    if not is_ours_to_change(mapping.source_arn):
        raise Refusal("fnshare shows this mapping, and does not change it.", next="Change it in AWS.", code="not-wired")
    if mapping.vanished_at is not None:
        raise Refusal("The mapping is gone from AWS.", next="Create it anew, if it is still wanted.", code="gone")
    if way := way_in_problem(mapping.function):
        raise Refusal(way.message, next=way.next, code="no-way-in")
    return _keep(
        MappingChange(
            kind=kind,
            function=mapping.function,
            qualifier=mapping.qualifier,
            source_arn=mapping.source_arn,
            mapping=mapping,
            options=options,
        ),
        by,
        form_token,
    )


def _keep(change: MappingChange, by: Actor, form_token: str) -> MappingChange:
    if by.person is None and by.kind == "person":
        raise NotPermitted("Only somebody who signed in may do this.")
    change.requested_by, change.requested_as, change.form_token = by.person, by.label[:300], form_token[:64] or None
    try:
        with transaction.atomic():
            change.save(force_insert=True)
            record(
                "mapping.asked",
                f"Asked for: {doing(change)}.",
                by=by,
                function=change.function,
                qualifier=change.qualifier,
                detail={
                    "change": str(change.pk),
                    "mapping": str(change.mapping_id or ""),
                    "source": change.source_arn,
                    "options": change.options,
                },
            )
    except IntegrityError:
        if made := sent(form_token, by):
            return made
        raise Refusal(
            "Another change of this mapping is under way.", next="Wait until it has settled, then ask again.", code="stale"
        ) from None
    return change


def sent(form_token: str, by: Actor) -> MappingChange | None:
    """What this form made already, if this person sent it."""
    if not form_token or "\x00" in form_token:
        return None
    return MappingChange.objects.filter(form_token=form_token[:64], requested_by=by.person).first()
