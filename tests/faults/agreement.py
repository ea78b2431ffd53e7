"""Do the database, AWS and the history say the same? One answer for every fault test."""

import json
from collections import Counter
from collections.abc import Container
from typing import Any, Protocol

Json = dict[str, Any]

#: verb -> what may follow it in the history of one grant. "" is the beginning.
FOLLOWS: dict[str, set[str]] = {
    "": {"grant.decided", "grant.requested", "grant.undone", "grant.adopted"},
    "grant.decided": {
        "grant.active",
        "grant.failed",
        "grant.revoke-asked",
        "grant.dropped",
        "grant.stuck",
        "grant.suspend-asked",
    },
    "grant.undone": {
        "grant.active",
        "grant.failed",
        "grant.revoke-asked",
        "grant.dropped",
        "grant.stuck",
        "grant.suspend-asked",
    },
    "grant.requested": {"grant.approved", "grant.declined", "grant.withdrawn"},
    "grant.approved": {
        "grant.active",
        "grant.failed",
        "grant.revoke-asked",
        "grant.dropped",
        "grant.stuck",
        "grant.suspend-asked",
    },
    "grant.adopted": {"grant.revoked", "grant.revoke-refused", "grant.stuck"},
    "grant.active": {"grant.revoke-asked", "grant.ended", "grant.vanished", "grant.extended", "grant.suspend-asked"},
    "grant.extended": {"grant.revoke-asked", "grant.ended", "grant.vanished", "grant.extended", "grant.suspend-asked"},
    "grant.revoke-asked": {"grant.revoked", "grant.revoke-refused", "grant.stuck"},
    "grant.dropped": {"grant.revoked", "grant.expired", "grant.revoke-refused", "grant.stuck", "grant.suspended"},
    "grant.ended": {"grant.expired", "grant.revoke-refused", "grant.stuck"},
    "grant.revoke-refused": {"grant.revoke-asked", "grant.ended", "grant.vanished", "grant.extended", "grant.suspend-asked"},
    "grant.stuck": {
        "grant.active",
        "grant.failed",
        "grant.revoked",
        "grant.expired",
        "grant.revoke-asked",
        "grant.revoke-refused",
        "grant.suspended",
        "grant.suspend-asked",
        "grant.resume-refused",
    },
    "grant.suspend-asked": {"grant.suspended", "grant.revoke-asked", "grant.revoke-refused", "grant.stuck"},
    "grant.suspended": {"grant.resume-asked", "grant.revoke-asked", "grant.ended", "grant.expired", "grant.put-back"},
    "grant.resume-asked": {
        "grant.active",
        "grant.resume-refused",
        "grant.revoke-asked",
        "grant.suspend-asked",
        "grant.dropped",
        "grant.stuck",
    },
    "grant.resume-refused": {"grant.resume-asked", "grant.revoke-asked", "grant.ended", "grant.expired", "grant.put-back"},
    "grant.put-back": {"grant.revoke-asked", "grant.suspend-asked", "grant.ended", "grant.vanished", "grant.extended"},
    "grant.failed": set(),
    "grant.declined": set(),
    "grant.withdrawn": set(),
    "grant.revoked": set(),
    "grant.expired": set(),
    "grant.vanished": set(),
}
#: state -> with what its history may end.
ENDS: dict[str, set[str]] = {
    "requested": {"grant.requested"},
    "active": {"grant.active", "grant.extended", "grant.revoke-refused", "grant.put-back"},
    "suspended": {"grant.suspended", "grant.resume-refused"},
    "revoked": {"grant.revoked"},
    "expired": {"grant.expired"},
    "failed": {"grant.failed", "grant.declined", "grant.withdrawn"},
    "vanished": {"grant.vanished"},
    "stuck": {"grant.stuck"},
}
#: Verbs of a grant's history that tell no transition.
BESIDE = {"check.finished", "grant.extension-requested", "statement.changed", "statement.restored"}


class Tried(Protocol):
    """What is looked at: the stage with its processes, or the world of the matrix. seed: ARN -> policy before."""

    seed: dict[str, Json | None]

    @property
    def inside(self) -> Any: ...
    def grants(self) -> list[Json]: ...
    def stored(self, arn: str) -> list[Json]: ...


def agree(stage: Tried, *, stale: Container[str] = (), stuck: Container[str] = ()) -> None:
    """Assert that all of it agrees, and name everything that does not.

    - every grant is settled, and says why and what to do where it is not what was asked (failed; stuck only if its key is
      in `stuck`);
    - AWS holds the statement of each active grant exactly once, and of no other; of statements made elsewhere none was
      lost, doubled or invented (compared with the seed);
    - the history of each grant tells every transition once and in order, and ends with the state the grant is in;
    - what the database keeps of each policy that was ever shared is what AWS holds (`stale`: but for policies that the
      test changed by another tool after they were read);
    - no check is left open, and no event source token is kept that AWS holds already;
    - everything else that was asked for (bulks, mappings, wirings, offboardings) is settled, and says why and what to
      do where it failed.
    """
    grants = stage.grants()
    problems = [problem for grant in grants for problem in (*_of_grant(grant, stuck), *_of_history(grant))]
    problems += [problem for intent in stage.inside.ask("intents") for problem in _of_intent(intent, stuck)]
    actual = {arn: stage.stored(arn) for arn in {*stage.seed, *(grant["arn"] for grant in grants)}}
    for arn, statements in actual.items():
        expected = _expected(stage.seed.get(arn), [grant for grant in grants if grant["arn"] == arn])
        problems += _differences(arn, expected, Counter(map(_text, statements)))
    for policy in stage.inside.ask("policies"):
        if policy["shared"] and policy["arn"] not in stale:
            problems += _of_copy(policy, actual.get(policy["arn"], []))
    assert not problems, "\n".join(problems)


def _of_grant(grant: Json, stuck: Container[str]) -> list[str]:
    name = f"Grant {grant['pk']} ({grant['state']}) of {grant['principal']} on {grant['arn']}"
    problems = []
    if grant["unsettled"] and grant["pk"] not in stuck:
        problems.append(f"{name} is not settled: {grant['failure']}")
    if grant["state"] in ("failed", "stuck") and not (grant["failure"] and grant["failure_next"]):
        problems.append(f"{name} does not say why or what to do")
    if grant["state"] in ("revoked", "expired") and grant["failure"]:
        problems.append(f"{name} still shows a failure: {grant['failure']}")
    if not grant["unsettled"] and grant["state"] != "requested" and grant["token_kept"]:
        problems.append(f"{name} still keeps its event source token")
    problems += [f"{name} has an open check" for check in grant["checks"] if check["state"] != "done"]
    return problems


def _of_intent(intent: Json, stuck: Container[str]) -> list[str]:
    name = f"{intent['kind']} {intent['pk']} ({intent['state']})"
    if not intent["settled"] and intent["pk"] not in stuck:
        return [f"{name} is not settled: {intent['failure']}"]
    if intent["failed"] and not (intent["failure"] and intent["failure_next"]):
        return [f"{name} does not say why or what to do: {intent['failure']!r}, {intent['failure_next']!r}"]
    return []


def _of_history(grant: Json) -> list[str]:
    name = f"Grant {grant['pk']} ({grant['state']})"
    told = [event["verb"] for event in grant["events"] if event["verb"] not in BESIDE]
    problems = []
    before = ""
    for verb in told:
        if verb not in FOLLOWS[before]:
            problems.append(f"{name}: {verb} follows {before or 'nothing'} in {told}")
        before = verb
    if before not in ENDS.get(grant["state"], set()):
        problems.append(f"{name}: its history ends with {before or 'nothing'}: {told}")
    at = [event["at"] for event in grant["events"]]
    if at != sorted(at):
        problems.append(f"{name}: its history is not in order of time: {at}")
    return problems


def _expected(seed: Json | None, grants: list[Json]) -> "Counter[str]":
    """What the policy should hold: the seed, less what was adopted and removed, plus what is granted."""
    expected = Counter(_text(statement) for statement in (seed or {}).get("Statement", []))
    for grant in grants:
        holds = grant["state"] == "active"
        if grant["adopted"] and not holds:
            expected[_text(grant["statement"])] -= 1
        elif holds and not grant["adopted"]:
            expected[_text(grant["statement"])] += 1
    return expected


def _differences(arn: str, expected: "Counter[str]", actual: "Counter[str]") -> list[str]:
    problems = []
    for statement in sorted({*expected, *actual}):
        if expected[statement] != actual[statement]:
            problems.append(f"{arn}: {actual[statement]} times instead of {expected[statement]} times in AWS: {statement}")
    return problems


def _of_copy(policy: Json, statements: list[Json]) -> list[str]:
    kept = json.loads(policy["document"])["Statement"] if policy["document"] else []
    if Counter(map(_text, kept)) == Counter(map(_text, statements)) and not policy["unread_reason"]:
        return []
    return [f"{policy['arn']}: the database keeps {kept} ({policy['unread_reason']}), AWS holds {statements}"]


def _text(statement: Json) -> str:
    """A statement as comparable text, its event source token masked on every side alike."""
    return json.dumps(_level(statement), sort_keys=True)


def _level(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "masked" if key.lower() == "lambda:eventsourcetoken" else _level(item) for key, item in value.items()}
    return sorted((_level(item) for item in value), key=json.dumps) if isinstance(value, list) else value
