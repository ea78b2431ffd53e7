"""`exposures` and `decide` are two readings of one document: whoever can really get in must be in the exposures."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sharing.policy import Decision, Document, Exposure, decide, exposures, parse, render

from .documents import ACME, GLOBEX, INVOKE, ORG, OTHER_ORG, OWNER, STRANGER, F, Json, allow, policy, root
from .generated import CHANNELS, LOOKALIKE, Request, documents, requests, statements

COMMON = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
#: Who calls, and every organisation or unit the account may be in.
HOMES: list[tuple[str, str | None]] = [
    (STRANGER, None),
    (STRANGER, "o-stranger00"),
    (LOOKALIKE, None),
    (ACME, ORG),
    (ACME, f"{ORG}/r-ab/ou-2/"),
    (ACME, OTHER_ORG),
    (ACME, None),
    (GLOBEX, ORG),
    (OWNER, ORG),
]


def some(account: str, organization: str | None, count: int = 24) -> list[Request]:
    """Some requests of people and everything services send; the same ones at every call."""
    made = requests(account, organization)
    people = [request for request in made if not request[0].endswith(".com")]
    services = [request for request in made if request[0].endswith(".com")]
    return [*random.Random(account).sample(people, count), *services]


def certainly_allowed(document: Document, principal: str, context: Json) -> bool:
    decision = decide(document, function_arn=F, principal=principal, context=context)
    return decision.outcome == "allowed" and decision.certainty == "yes"


def gets_in(document: Document, account: str, organization: str | None) -> set[str]:
    """Who of that account certainly gets in by some request of its choice: "caller", "service"."""
    return {
        "service" if principal.endswith(".com") else "caller"
        for principal, context in some(account, organization)
        if certainly_allowed(document, principal, context)
    }


def ways_in(document: Document, account: str, organization: str | None) -> bool:
    """Whether anybody of that account gets in, perhaps, by some request of its choice and by any channel."""
    return any(
        decide(document, function_arn=F, principal=one, context={**context, **channel}).outcome == "allowed"
        for principal, context in requests(account, organization)
        for channel in CHANNELS
        for one in (principal, principal.replace("role/deploy", "user/bob"))
    )


def unsafe(found: list[Exposure], name: str) -> bool:
    return any(getattr(exposure, name) != "no" for exposure in found)


def takes_in(exposure: Exposure, account: str, organization: str | None, principal: str) -> bool:
    """Whether the exposure may be about that caller."""
    if exposure.kind == "everyone":
        return True
    if principal.endswith(".com"):
        return exposure.kind == "service" and exposure.principal in ("*", principal) and exposure.account in (account, None)
    if exposure.kind == "organization":
        name = exposure.organization or ""
        return organization is not None and name.split("/")[0] in (organization.split("/")[0], "the owner's own organisation")
    return exposure.kind in ("account", "identity") and exposure.account in (account, None)


@COMMON
@given(documents)
def test_a_stranger_who_gets_in_is_never_called_not_public(document: Json) -> None:
    parsed = parse(document)
    found = exposures(parsed, function_arn=F, owner_account=OWNER)
    inside = gets_in(parsed, STRANGER, "o-stranger00") | gets_in(parsed, STRANGER, None)
    if "caller" in inside:
        assert unsafe(found, "public")
    if "service" in inside:
        assert unsafe(found, "open_service") or unsafe(found, "public")
    if inside:
        assert unsafe(found, "external")


@COMMON
@given(documents, st.sampled_from(HOMES), st.sampled_from(CHANNELS), st.booleans())
def test_whoever_is_in_no_exposure_is_not_allowed(
    document: Json, home: tuple[str, str | None], channel: Json, known: bool
) -> None:
    """By any channel, and whether or not it is known to which organisation the account belongs."""
    account, organization = home
    parsed = parse(document)
    members = {account: organization or ""} if known and account != OWNER else None
    found = exposures(parsed, function_arn=F, owner_account=OWNER, organization_of=members)
    for principal, context in some(account, organization):
        if certainly_allowed(parsed, principal, {**context, **channel}):
            these = [one for one in found if INVOKE in one.actions and takes_in(one, account, organization, principal)]
            assert these, (principal, context)
            assert account == OWNER or unsafe(these, "external"), (principal, context)


@COMMON
@given(documents)
@example(policy(allow("*")))
def test_what_is_called_public_for_certain_lets_a_stranger_in(document: Json) -> None:
    parsed = parse(document)
    found = exposures(parsed, function_arn=F, owner_account=OWNER, url_auth="NONE")
    certain = [
        exposure
        for exposure in found
        if exposure.public == "yes" and INVOKE in exposure.actions and exposure.kind == "everyone" and not exposure.latent
    ]
    if not certain or _narrows_by_what_nobody_lacks(document):
        return
    assert any(
        decide(parsed, function_arn=F, principal=caller, context=sent).outcome == "allowed" for caller, sent in _strangers()
    ), f"nobody gets in, yet {certain[0]}"


def _strangers() -> Iterator[tuple[Any, Json]]:
    """Callers whom nobody meant, signed and unsigned, by every channel."""
    for organization, channel in itertools.product(("o-stranger00", None), CHANNELS):
        for principal, context in (*requests(STRANGER, organization), *requests(LOOKALIKE, organization)):
            asked = {**context, **channel}
            yield principal, asked
            yield "anonymous", {key: value for key, value in asked.items() if "rincipal" not in key and "user" not in key}


def _narrows_by_what_nobody_lacks(document: Json) -> bool:
    """`…IfExists` and ForAllValues never count as narrowing, though on a key that every call carries they would."""
    always = ("aws:PrincipalAccount", "aws:PrincipalArn", "aws:ResourceAccount", "aws:userid")
    return any(
        ("IfExists" in operator or "ForAllValues" in operator) and any(key in always for key in keys)
        for statement in document["Statement"]
        for operator, keys in statement.get("Condition", {}).items()
    ) or "RequestTag" in json.dumps(document)


@COMMON
@given(documents)
@example(policy(allow(root())))
@example(policy(allow("*", {"StringEquals": {"aws:PrincipalOrgID": ORG}})))
def test_who_is_let_in_for_certain_really_gets_in(document: Json) -> None:
    parsed = parse(document)
    if _narrows_by_what_nobody_lacks(document):
        return
    for exposure in exposures(parsed, function_arn=F, owner_account=OWNER, url_auth="NONE"):
        certain = exposure.external == "yes" and not exposure.latent and INVOKE in exposure.actions
        if not certain or exposure.qualifier is not None:
            continue
        if exposure.kind == "account" and exposure.account is not None:
            accounts = [exposure.account]
        elif exposure.kind == "organization":
            accounts = [ACME, LOOKALIKE]
        else:
            continue
        homes = (ORG, f"{ORG}/r-ab/ou-2/", OTHER_ORG, None)
        ways = (ways_in(parsed, account, home) for account in accounts for home in homes)
        assert any(ways), f"nobody of it gets in, yet {exposure}"


@COMMON
@given(documents, statements())
def test_adding_a_deny_never_widens(document: Json, extra: Json) -> None:
    narrowed = {**document, "Statement": [*document["Statement"], {**extra, "Effect": "Deny"}]}
    _assert_not_wider(parse(document), parse(narrowed))


@COMMON
@given(documents, st.data())
def test_removing_an_allow_never_widens(document: Json, data: st.DataObject) -> None:
    allows = [index for index, one in enumerate(document["Statement"]) if one["Effect"] == "Allow"]
    if not allows:
        return
    gone = data.draw(st.sampled_from(allows))
    less = {**document, "Statement": [one for index, one in enumerate(document["Statement"]) if index != gone]}
    _assert_not_wider(parse(document), parse(less))


def _assert_not_wider(before: Document, after: Document) -> None:
    for account, organization in HOMES:
        for principal, context in some(account, organization, 6):
            old = decide(before, function_arn=F, principal=principal, context=context)
            new = decide(after, function_arn=F, principal=principal, context=context)
            assert _openness(new) <= _openness(old)
    assert _safe_answers(before) <= _safe_answers(after)


def _openness(found: Decision) -> int:
    """0 for certainly not allowed, 1 for perhaps, 2 for certainly; without an Allow only Deny and none are left."""
    if found.certainty == "depends":
        return int(any(not statement.is_deny for statement in found.statements))
    return 2 if found.outcome == "allowed" else 0


def _safe_answers(document: Document) -> set[tuple[str, str]]:
    """(question, action class) pairs that are answered "no" for every exposure.

    "Everyone" is public rather than an open service, and a Deny may leave only the services of it: one question.
    """
    found = exposures(document, function_arn=F, owner_account=OWNER)
    safe = set()
    for kind in ("invoke", "invoke-url", "read", "manage"):
        these = [exposure for exposure in found if exposure.action_class == kind]
        if not unsafe(these, "external"):
            safe.add(("external", kind))
        if not unsafe(these, "public") and not unsafe(these, "open_service"):
            safe.add(("public or open", kind))
    return safe


@COMMON
@given(documents, st.sampled_from(HOMES))
def test_a_policy_means_the_same_in_whatever_form_it_is_given(document: Json, home: tuple[str, str | None]) -> None:
    parsed = parse(document, partition="aws")
    again = render(parsed)
    wanted = exposures(parsed, function_arn=F, owner_account=OWNER)
    for other in (document, again, json.dumps(document, indent=1), parse(again.encode(), partition="aws")):
        assert exposures(other, function_arn=F, owner_account=OWNER) == wanted
        for principal, context in some(*home, 4):
            asked: Any = {"function_arn": F, "principal": principal, "context": context}
            assert decide(other, **asked) == decide(parsed, **asked)


@COMMON
@given(documents, st.sampled_from(HOMES), st.randoms(use_true_random=False))
def test_another_spelling_of_a_policy_means_the_same(
    document: Json, home: tuple[str, str | None], chance: random.Random
) -> None:
    """Order of statements and of lists, a list of one, letter case of operators, keys and actions, account id or root."""
    one = parse(document)
    other = parse({**document, "Statement": [_respelt(statement, chance) for statement in reversed(document["Statement"])]})
    for principal, context in some(*home, 8):
        shouted = {key.upper(): value for key, value in context.items()}
        old = decide(one, function_arn=F, principal=principal, context=context)
        new = decide(other, function_arn=F, principal=principal, context=shouted)
        assert (old.outcome, old.certainty, old.delegated) == (new.outcome, new.certainty, new.delegated)
    assert _safe_answers(one) == _safe_answers(other)


def _respelt(statement: Json, chance: random.Random) -> Json:
    found: Json = {}
    for element, value in statement.items():
        if element in ("Action", "NotAction"):
            found[element] = [one.upper() for one in ([value] if isinstance(value, str) else value)]
        elif element in ("Resource", "NotResource"):
            found[element] = [value] if isinstance(value, str) else list(reversed(value))
        elif element in ("Principal", "NotPrincipal") and isinstance(value, dict):
            found[element] = {key: _shuffled(_as_list(names), chance) for key, names in value.items()}
        elif element in ("Principal", "NotPrincipal"):
            found[element] = {"AWS": [value]}
        elif element == "Condition":
            found[element] = {
                operator.upper(): {key.lower(): _shuffled(_as_list(values), chance) for key, values in keys.items()}
                for operator, keys in value.items()
            }
        else:
            found[element] = value
    return found


def _as_list(value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else value
    return [
        name.removeprefix("arn:aws:iam::").removesuffix(":root")
        if name.startswith("arn:aws:iam::") and name.endswith(":root")
        else name
        for name in names
    ]


def _shuffled(values: list[str], chance: random.Random) -> list[str]:
    return chance.sample(values, len(values))
