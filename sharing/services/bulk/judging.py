"""A verdict for every line before anything is written: plans made in batches, bytes counted up policy by policy."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sharing.models import Actor, BulkItem, Grant, Judgement, Policy
from sharing.policy import Permission, Principal, WhoError, parse_who
from sharing.policy.document import LIMIT
from sharing.services import granting
from sharing.services.granting import Plan, Problem
from sharing.services.granting.ground import Ground, ground_of
from sharing.services.granting.keeping import arn_of
from sharing.services.granting.planning import FORMS, plan_permission
from sharing.services.granting.wording import until
from sharing.services.naming import numbers_by_name

from .finding import policies_of
from .lines import Line

#: Policies whose documents are in memory at a time.
_BATCH = 100
#: So many names that mean nobody get a guess what was meant; guessing is dear.
_GUESSES = 50
_CLOSED = ("not-connected", "paused", "read-only")


@dataclass(frozen=True)
class Verdict:
    """What would become of one line. `policy`: where it would be written. `grant`: the one that there is already."""

    judgement: Judgement
    policy: Policy | None = None
    who: str = ""
    who_label: str = ""
    says: str = ""
    next: str = ""
    grant: Grant | None = None
    unreadable: bool = False


def judged(lines: Sequence[Line], tokens: Sequence[str], *, by: Actor) -> list[Verdict]:
    """A verdict for each line. `tokens`: the form token of each, from which its statement id follows."""
    places = policies_of((line.function for line in lines), by=by)
    readers: dict[str, _Reader] = {}
    found: dict[int, Verdict] = {}
    by_policy: dict[uuid.UUID, list[tuple[int, Principal]]] = defaultdict(list)
    policies: dict[uuid.UUID, Policy] = {}
    for at, line in enumerate(lines):
        place = places[line.function]
        if isinstance(place, Problem):
            found[at] = Verdict(Judgement.FUNCTION, says=place.message, next=place.next, who_label=line.who)
            continue
        partition = place.function.account.partition
        if partition not in readers:
            readers[partition] = _Reader(partition)
        who = readers[partition].read(line.who)
        if isinstance(who, str):
            found[at] = Verdict(Judgement.PRINCIPAL, place, says=who, who_label=line.who)
        elif line.wrong:
            found[at] = Verdict(
                Judgement.INVALID, place, who=who.value, who_label=line.who, says=line.wrong, next=line.next, unreadable=True
            )
        else:
            policies[place.pk] = place
            by_policy[place.pk].append((at, who))
    for keys in _batches(list(by_policy)):
        loaded = Policy.objects.filter(pk__in=keys).select_related("current")
        batch = {one.pk: one for one in loaded}
        for pk, policy in batch.items():
            policy.function = policies[pk].function
        ground = ground_of(list(batch.values()), by=by)
        for pk, policy in batch.items():
            own = [(at, who, lines[at], tokens[at]) for at, who in by_policy[pk]]
            found.update(_of_policy(policy, own, ground, by))
    return [found[at] for at in range(len(lines))]


def _of_policy(
    policy: Policy, own: Sequence[tuple[int, Principal, Line, str]], ground: Ground, by: Actor
) -> Iterator[tuple[int, Verdict]]:
    """The lines of one policy in their order: what an earlier one says and takes counts for the later ones."""
    said: dict[str, int] = {}
    size = policy.size
    first = not ground.document(policy).statements
    for at, who, line, token in own:
        plan = planned(policy, who, line.action, line.ends_at, token, ground=ground, by=by)
        verdict = _of_plan(plan, line)
        if verdict.judgement in (Judgement.OK, Judgement.SECOND):
            if plan.equality in said:
                verdict = replace(verdict, judgement=Judgement.DUPLICATE, says=f"Line {said[plan.equality]} says the same.")
            else:
                size += _bytes(plan, first=first)
                if size > LIMIT:
                    verdict = replace(verdict, judgement=Judgement.FULL, says=_full(size), next=_FULL_NEXT)
                    size -= _bytes(plan, first=first)
                else:
                    said[plan.equality] = line.number
                    first = False
        yield at, verdict


def planned(
    policy: Policy, who: Principal, action: str, ends_at: datetime | None, token: str, *, ground: Ground, by: Actor
) -> Plan:
    """The plan of one share, as a single one would be planned."""
    grant_id = uuid.uuid5(FORMS, token)
    permission = Permission(arn_of(policy), granting.default_sid(grant_id), action, who)
    return plan_permission(
        permission, policy=policy, ends_at=ends_at, by=by, grant_id=grant_id, form_token=token, ground=ground
    )


def _of_plan(plan: Plan, line: Line) -> Verdict:
    kept = Verdict(
        Judgement.OK,
        plan.policy,
        who=plan.permission.principal.value if plan.permission else line.who,
        who_label=plan.who_label,
    )
    if plan.equal is not None and not plan.problems:
        says = (
            "They already have exactly this."
            if plan.same_end
            else f"They already have exactly this, {until(plan.equal.ends_at)}."
        )
        following = "" if plan.same_end else "Change that grant's end date on its page, if another one is wanted."
        return replace(kept, judgement=Judgement.ALREADY, grant=plan.equal, says=says, next=following)
    if plan.problems:
        problem = plan.problems[0]
        judgement = Judgement.FULL if problem.code == "full" else Judgement.INVALID
        if problem.code in _CLOSED:
            judgement = Judgement.CLOSED
        elif problem.code == "gone":
            judgement = Judgement.FUNCTION
        elif problem.field == "who":
            judgement = Judgement.PRINCIPAL
        return replace(kept, judgement=judgement, says=problem.message, next=problem.next)
    if not line.reason.strip():
        return replace(kept, judgement=Judgement.INVALID, says="A reason is missing.", next="Say why they need it.")
    if len(line.reason) > 500:
        says = f"The reason has {len(line.reason):,} characters; 500 are kept."
        return replace(kept, judgement=Judgement.INVALID, says=says, next="Shorten it.")
    if plan.second_person:
        return replace(kept, judgement=Judgement.SECOND, says=plan.second_person)
    noted = [one.sentence for one in plan.already] + [one.message for one in plan.warnings]
    return replace(kept, says=noted[0] if noted else "")


def _bytes(plan: Plan, *, first: bool) -> int:
    """What the statement adds: the first one of an empty policy brings the document along, each other one a comma."""
    if first:
        return plan.size_after - plan.size_before
    return len(json.dumps(plan.statement, separators=(",", ":"), ensure_ascii=False).encode()) + 1


_FULL_NEXT = "Take back shares that are no longer needed, share with an organisation, or share another alias."


def _full(size: int) -> str:
    return f"With the lines before it the policy would have {size:,} bytes; AWS allows {LIMIT:,}."


class _Reader:
    """Reads principals of one partition, each text once."""

    def __init__(self, partition: str) -> None:
        self._partition = partition
        self._names = numbers_by_name()
        self._folded = {name.strip().casefold() for name in self._names}
        self._read: dict[str, Principal | str] = {}
        self._guesses = 0

    def read(self, text: str) -> Principal | str:
        """Whom the text means, or what is wrong with it."""
        if text not in self._read:
            is_name = text.strip().casefold() in self._folded
            try:
                names = self._names if is_name or self._guesses < _GUESSES else {}
                self._read[text] = parse_who(text, names=names, partition=self._partition)
            except WhoError as problem:
                self._guesses += not is_name
                self._read[text] = str(problem)
        return self._read[text]


def _batches(keys: list[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def line_of(item: BulkItem) -> Line:
    """The line an item was made of, to be judged again."""
    wrong, following = (item.says, item.next) if item.unreadable else ("", "")
    return Line(item.number, item.function, item.who, item.action, item.ends_at, item.reason, wrong, following)
