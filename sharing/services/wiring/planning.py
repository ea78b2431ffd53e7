"""A wiring, thought through before anything is written; and the same plan again for one that is."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, replace
from typing import Any

from sharing.models import Actor, Function, Policy, Wiring, WiringStep
from sharing.policy.wiring import MappingOptions, Plan, Refusal
from sharing.policy.wiring import plan as plan_steps
from sharing.services import granting
from sharing.services import mapping as mappings
from sharing.services.connecting.reaching import source_roles_for
from sharing.services.granting import Problem
from sharing.services.granting.planning import plan_permission

from . import checking, rights
from .shapes import WiringPlan

#: Where a form's token becomes a wiring's id: the same form always plans the same Sids.
_FORMS = uuid.UUID("0f4f4f0a-8f0b-4c1f-9f3b-6a7f5f9f2c55")
EVENTS = ("s3:ObjectCreated:*",)


class NotPlanned(LookupError):
    """The planner of today would refuse what a row asks for."""


def plan(
    function: Function,
    source: str,
    *,
    by: Actor,
    qualifier: str = "",
    source_account: str = "",
    source_region: str = "",
    events: tuple[str, ...] = EVENTS,
    prefix: str = "",
    suffix: str = "",
    filter_policy: str = "",
    owner_subscribes: bool = False,
    caller_role: str = "",
    execution_role: str = "",
    mapping: MappingOptions | None = None,
    form_token: str = "",
) -> WiringPlan:
    """Plan the wiring of a source to a function, alias or version (`qualifier`). Asks the database, never AWS.

    `source`: its ARN. `source_account`, `source_region`: where the ARN does not say them. `execution_role`: the function's,
    for a source of another account that is polled; without it that source's policy is handed over with a gap to fill in.
    Raises NotFound (out of scope) and NotPermitted; everything else that is wrong is in the answer.
    """
    rights.require_change(by, function, "That function")
    source = source.strip()
    account = "".join(char for char in source_account if not char.isspace() and char != "-")
    options = {
        "events": list(events),
        "prefix": prefix,
        "suffix": suffix,
        "filter_policy": filter_policy.strip(),
        "owner_subscribes": owner_subscribes,
        "caller_role": caller_role.strip(),
        "execution_role": execution_role.strip(),
        "mapping": asdict(mapping) if mapping else None,
    }
    wiring_id = uuid.uuid5(_FORMS, form_token) if form_token else uuid.uuid4()
    region = source_region.strip()
    problems = list(checking.of_words(source, account, region, qualifier, options))
    found: Plan | Refusal | None = None
    if not problems:
        found = _steps(function, qualifier, source, account, region, options, sid=sid_of(wiring_id))
    steps = found if isinstance(found, Plan) else None
    whose = steps.source_account if steps else account
    parts = source.split(":", 5)
    if steps is not None:
        region = region or (parts[3] if len(parts) == 6 else "")
        problems += checking.of_source(source, steps)
    problems += checking.of_function(function, qualifier)
    share, already = None, checking.equal_wiring(function, qualifier, source, besides=wiring_id)
    warnings: list[Problem] = []
    if already is not None:
        text = "This source is wired to this function already."
        problems.append(Problem(text, "Look at that wiring.", field="source", code="conflict"))
    if steps is not None and not problems:
        share = _share(steps, function, qualifier, by=by, wiring_id=wiring_id)
        if share is not None:
            problems += [replace(one, field=_FIELDS.get(one.field, "")) for one in share.problems]
            warnings += share.warnings
            warnings += checking.of_end(share)
        problems += _mapping_problems(steps, function, qualifier, source, mapping)
    return WiringPlan(
        function=function,
        qualifier=qualifier,
        source=source,
        source_account=whose,
        source_region=region,
        kind=steps.kind if steps else "",
        plan=steps,
        refusal=found if isinstance(found, Refusal) else None,
        problems=tuple(problems),
        warnings=tuple(warnings),
        options=options,
        wiring_id=wiring_id,
        seen=_mark(function, qualifier, source, whose, region, options, steps),
        already=already or (share.equal if share else None),
        grant=share,
    )


def plan_of(wiring: Wiring) -> Plan:
    """The pure plan again: its sentences, calls and parameters. Which steps are ours is what the rows say.

    Raises NotPlanned.
    """
    ours = {step.key: step.ours for step in wiring.steps.all()}
    accounts = {step.account for step in wiring.steps.all() if step.ours}
    found = plan_steps(
        _target(wiring.function, wiring.qualifier),
        wiring.source_arn,
        source_roles=accounts,
        **_asked(wiring.source_account, wiring.source_region, wiring.options, sid_of(wiring.pk)),
    )
    if isinstance(found, Refusal):
        raise NotPlanned(found.sentence)
    return replace(found, steps=tuple(replace(one, ours=ours.get(one.key, False)) for one in found.steps))


def could_be_ours(step: WiringStep) -> bool:
    """Whether a source role of the step's account could do this step; whether there is one is not asked."""
    wiring = step.wiring
    found = plan_steps(
        _target(wiring.function, wiring.qualifier),
        wiring.source_arn,
        source_roles={step.account},
        **_asked(wiring.source_account, wiring.source_region, wiring.options, sid_of(wiring.pk)),
    )
    return isinstance(found, Plan) and any(one.key == step.key and one.ours and not one.fill_in for one in found.steps)


def sid_of(wiring_id: uuid.UUID) -> str:
    """By what all that a wiring makes is found again: Sid, Id of a configuration, of a target. Letters and digits only."""
    return f"fnshare{wiring_id.hex}"


def mapping_options(options: dict[str, Any]) -> MappingOptions:
    """What was chosen for a mapping, as the row keeps it."""
    kept = dict(options.get("mapping") or {})
    kept["filters"] = tuple(kept.get("filters") or ())
    return MappingOptions(**kept)


def _steps(
    function: Function, qualifier: str, source: str, account: str, region: str, options: dict[str, Any], *, sid: str
) -> Plan | Refusal:
    """The planner's answer, with the sides on which a source role lets us act."""
    parts = source.split(":", 5)
    named = account or (parts[4] if len(parts) == 6 else "")
    found = plan_steps(
        _target(function, qualifier),
        source,
        source_roles=source_roles_for(source, {named, function.account.number}),
        **_asked(account, region, options, sid),
    )
    if isinstance(found, Refusal):
        return found
    # What has a gap that only they can fill is handed over, source role or not.
    return replace(found, steps=tuple(replace(one, ours=one.ours and not one.fill_in) for one in found.steps))


def _asked(account: str, region: str, options: dict[str, Any], sid: str) -> dict[str, Any]:
    return {
        "source_account": account,
        "source_region": region,
        "sid": sid,
        "options": mapping_options(options),
        "execution_role": options.get("execution_role", ""),
        "caller_role": options.get("caller_role", ""),
        "events": tuple(options.get("events") or EVENTS),
        "prefix": options.get("prefix", ""),
        "suffix": options.get("suffix", ""),
        "filter_policy": options.get("filter_policy", ""),
        "owner_subscribes": bool(options.get("owner_subscribes")),
    }


def _target(function: Function, qualifier: str) -> str:
    return f"{function.arn}:{qualifier}" if qualifier else function.arn


def _share(steps: Plan, function: Function, qualifier: str, *, by: Actor, wiring_id: uuid.UUID) -> granting.Plan | None:
    """The permission step as a share. The policy's row is made by a sync; one that was never read has none."""
    if steps.permission is None:
        return None
    policy = Policy.objects.filter(function=function, qualifier=qualifier).select_related("function__account").first()
    if policy is None:
        return None
    return plan_permission(steps.permission, policy=policy, ends_at=None, by=by, grant_id=wiring_id)


def _mapping_problems(
    steps: Plan, function: Function, qualifier: str, source: str, options: MappingOptions | None
) -> list[Problem]:
    if not any(one.key == "mapping" and one.ours for one in steps.steps):
        return []
    found = mappings.plan(function, source=source, options=options or MappingOptions(), qualifier=qualifier)
    if found.taken is not None:  # it is used
        return []
    return [Problem(one.message, one.next, field=one.field) for one in found.problems]


def _mark(
    function: Function,
    qualifier: str,
    source: str,
    account: str,
    region: str,
    options: dict[str, Any],
    steps: Plan | None,
) -> str:
    shown = [
        str(function.pk), qualifier, source, account, region, options,
        [[one.key, one.account, one.ours] for one in steps.steps] if steps else None,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


_FIELDS = {"source_arn": "source", "source_account": "source_account", "who": "caller_role"}
