"""What creating or changing a mapping would take, before anything is written: the planner's steps, or what is wrong."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from sharing.models import Connection, Function, Mapping, MappingChange, MappingChangeKind, Purpose
from sharing.policy.arn import Arn, ArnError
from sharing.policy.checks import Problem
from sharing.policy.wiring import MappingOptions, Plan, Refusal, Step, recognise
from sharing.policy.wiring import plan as plan_wiring

from .staging import STAGE
from .wording import place

_POLLED = ("sqs", "kinesis", "dynamodb")
#: Characters of a source's ARN that are kept, as the row has room for.
LONGEST = 1024


@dataclass(frozen=True)
class MappingPlan:
    """A mapping that is to be created. `wiring`: the planner's steps; None while something is wrong. `taken`: the one that
    exists already. `parameters`: what AWS would be sent, but for function and source.
    """

    function: Function
    qualifier: str
    source: str
    wiring: Plan | None
    problems: tuple[Problem, ...]
    parameters: dict[str, Any]
    taken: Mapping | None = None
    ways: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it can be asked for."""
        return self.wiring is not None and not self.problems

    @property
    def place(self) -> str:
        """What runs: the function, with the alias or version."""
        return place(self.function, self.qualifier)

    @property
    def theirs(self) -> tuple[Step, ...]:
        """Steps that no role of ours can do: the execution role's policy, and the source's."""
        return self.wiring.theirs if self.wiring else ()

    @property
    def seen(self) -> str:
        """A mark of exactly this: what is confirmed is what was shown."""
        shown = [str(self.function.pk), self.qualifier, self.source, self.parameters]
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def plan(
    function: Function,
    *,
    source: str,
    options: MappingOptions,
    qualifier: str = "",
    execution_role: str = "",
) -> MappingPlan:
    """Plan the mapping. Asks the database, never AWS. Whether the actor may is asked by `asking.create`.

    `function` with its account. `execution_role`: the ARN that the hand-off names; "" leaves a placeholder there.
    """
    source = source.strip()
    problems: list[Problem] = []
    ways: tuple[str, ...] = ()
    answer = _wiring(function, source, options, qualifier, execution_role)
    if isinstance(answer, Refusal) and answer.code != "options":
        ways = answer.ways
        problems.append(Problem(_FIELDS.get(answer.field, answer.field), answer.sentence, ""))
    kind = _kind(source)
    if kind in _POLLED:
        problems += options.problems(kind, fifo=source.endswith(".fifo"), now=time.time())
    if qualifier and not function.qualifiers.filter(name=qualifier, vanished_at=None).exists():
        problems.append(Problem("qualifier", "The function has no such alias or version.", "Choose one of the list."))
    if len(source) > LONGEST:
        problems.append(Problem("source", "That ARN is too long.", "Copy it from AWS."))
    if function.vanished_at is not None:
        problems.append(Problem("", f"{function.name} is gone from AWS.", "Choose another function."))
    if way := way_in_problem(function):
        problems.append(way)
    taken = Mapping.objects.present().filter(function=function, qualifier=qualifier, source_arn=source).first()
    if taken is not None:
        problems.append(Problem("source", "A mapping from this source to this function exists already.", "Change that one."))
    elif _being_made(function, qualifier, source):
        problems.append(Problem("source", "This mapping is being created already.", "Wait for it, or look at the function."))
    wiring = answer if isinstance(answer, Plan) else None
    return MappingPlan(function, qualifier, source, wiring, tuple(problems), options.parameters(), taken, ways)


def steps_of(change: MappingChange, *, execution_role: str = "") -> tuple[Step, ...]:
    """The steps that others have to do for a mapping that is or was to be created."""
    arn = f"{change.function.arn}:{change.qualifier}" if change.qualifier else change.function.arn
    options = MappingOptions(starting_position=change.options.get("StartingPosition"))
    position_at = change.options.get("StartingPositionTimestamp")
    if position_at is not None:
        options = MappingOptions(starting_position=options.starting_position, starting_timestamp=position_at)
    found = plan_wiring(
        arn,
        change.source_arn,
        sid=sid_of(change.function),
        options=options,
        execution_role=execution_role,
    )
    return found.theirs if isinstance(found, Plan) else ()


def sid_of(function: Function) -> str:
    """The Sid of the source's statement: one a function, so that a second mapping finds the first's."""
    return f"fnshare{function.pk.hex[:12]}"


def way_in_problem(function: Function) -> Problem | None:
    """Why a worker could not change mappings there, as far as is known; None: it could, or it is tried."""
    connection = Connection.objects.standing().filter(account=function.account, purpose=Purpose.MANAGER).first()
    if connection is None:
        return Problem("", f"{function.account} is not connected.", "Ask an admin to connect it.")
    if connection.verbs.get("map", True):
        return None
    return Problem("", f"The manager role of {function.account} may not change event source mappings.", STAGE)


def _wiring(function: Function, source: str, options: MappingOptions, qualifier: str, execution_role: str) -> Plan | Refusal:
    try:
        arn = Arn.parse(source)
    except ArnError as error:
        return Refusal("source", str(error))
    kind = recognise(arn.service, arn.resource)
    if kind is not None and kind.style.value != "pull":
        sentence = f"{kind.label}: it is not polled. It calls the function, once the function's policy lets it in."
        return Refusal("push", sentence, ("Share the function with that service instead.",))
    if kind is not None and not kind.wires:
        sentence = f"{kind.label}: fnshare shows such mappings, and does not create them. {kind.hint}".strip()
        return Refusal("not-wired", sentence, ("Create it in AWS: it is shown here once the function is read again.",))
    if not arn.account or not arn.region:
        return Refusal("source", "The ARN names no account or no region.", ("Copy it from AWS.",))
    return plan_wiring(
        f"{function.arn}:{qualifier}" if qualifier else function.arn,
        source,
        sid=sid_of(function),
        options=options,
        execution_role=execution_role,
    )


def _kind(source: str) -> str:
    parts = source.split(":", 5)
    return parts[2] if len(parts) == 6 else ""


def _being_made(function: Function, qualifier: str, source: str) -> bool:
    wanted = MappingChange.objects.open().filter(kind=MappingChangeKind.CREATE, source_arn=source)
    return wanted.filter(function=function, qualifier=qualifier).exists()


_FIELDS = {"function": "qualifier", "kms": "source", "source_account": "source"}
