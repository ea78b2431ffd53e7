"""`exposures` and `decide` are two readings of one document: whoever can really get in must be in the exposures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharing.policy import Exposure, decide, exposures, parse

from .documents import ACME, GLOBEX, INVOKE, ORG, OTHER_ORG, OWNER, STRANGER, F, Json, allow, deny, policy, role

LOOKALIKE = "111100001111"  # a stranger whose id begins like Acme's: wildcards in account ids let it in
PRINCIPALS: list[Any] = [
    "*",
    {"AWS": "*"},
    {"AWS": ACME},
    {"AWS": f"arn:aws:iam::{GLOBEX}:root"},
    {"AWS": [role(), f"arn:aws:iam::{GLOBEX}:root"]},
    {"AWS": role("team/build", GLOBEX)},
    {"AWS": f"arn:aws:sts::{ACME}:assumed-role/deploy/s1"},
    {"Service": "s3.amazonaws.com"},
    {"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]},
    {"Service": "logs.amazonaws.com"},
    {"AWS": "AROAEXAMPLEEXAMPLE12"},
]
VALUES: dict[str, list[Any]] = {
    "aws:PrincipalAccount": [ACME, [ACME, GLOBEX], "*", "1111*", "${aws:ResourceAccount}"],
    "aws:PrincipalArn": [role(), f"arn:aws:iam::{ACME}:role/*", "arn:aws:iam::*:role/deploy", "*"],
    "aws:PrincipalOrgID": [ORG, [ORG, OTHER_ORG], "o-*"],
    "aws:PrincipalOrgPaths": [f"{ORG}/*", f"{ORG}/r-ab/ou-1/*", "o-*"],
    "aws:SourceAccount": [ACME, OWNER, "*"],
    "aws:SourceArn": ["arn:aws:s3:::bucket", f"arn:aws:sns:us-east-1:{ACME}:t", "arn:aws:sns:*:*:*", "*"],
    "aws:PrincipalIsAWSService": ["true", "false"],
    "aws:PrincipalServiceName": ["s3.amazonaws.com"],
    "aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/0"],
    "aws:UserAgent": ["secret"],
    "aws:PrincipalTag/team": ["blue"],
    "aws:PrincipalType": ["User", "AssumedRole"],
    "aws:SecureTransport": ["true", "false"],
    "aws:ResourceAccount": [OWNER, ACME],
    "aws:ResourceOrgID": [ORG],
    "aws:userid": ["AROAACMEACMEACME1234:*", "*:deploy"],
    "kms:CallerAccount": [ACME],
    "lambda:FunctionUrlAuthType": ["NONE", "AWS_IAM"],
    "lambda:InvokedViaFunctionUrl": ["true", "false"],
}
FAMILIES = {
    "aws:SourceArn": ["ArnLike", "ArnNotLike", "StringLike", "StringEquals", "StringNotLike", "ArnLikeIfExists", "Null"],
    "aws:PrincipalArn": ["ArnLike", "ArnNotLike", "StringLike", "StringNotEquals", "ArnEqualsIfExists", "Null"],
    "aws:SourceIp": ["IpAddress", "NotIpAddress", "IpAddressIfExists"],
    **{
        key: ["Bool", "BoolIfExists", "StringEquals", "Null"]
        for key in ("aws:PrincipalIsAWSService", "aws:SecureTransport", "lambda:InvokedViaFunctionUrl")
    },
    "aws:PrincipalOrgPaths": [
        "ForAnyValue:StringLike",
        "ForAllValues:StringLike",
        "ForAnyValue:StringNotLike",
        "ForAllValues:StringNotLike",
        "Null",
    ],
}
TEXT = [
    "StringEquals",
    "StringLike",
    "StringNotEquals",
    "StringNotLike",
    "StringEqualsIfExists",
    "StringNotEqualsIfExists",
    "Null",
]


@st.composite
def conditions(draw: st.DrawFn) -> Json:
    found: Json = {}
    for key in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True)):
        operator = draw(st.sampled_from(FAMILIES.get(key, TEXT)))
        value = draw(st.sampled_from(["true", "false"] if operator == "Null" else VALUES[key]))
        found.setdefault(operator, {})[key] = value
    return found


@st.composite
def statements(draw: st.DrawFn) -> Json:
    make = draw(st.sampled_from([allow, allow, deny]))
    found: Json = make(draw(st.sampled_from(PRINCIPALS)), draw(conditions()) or None)
    if draw(st.integers(0, 5)) == 0:
        found["NotPrincipal"] = found.pop("Principal")
    found["Action"] = draw(st.sampled_from([INVOKE, "lambda:*", "lambda:Invoke*", "lambda:GetFunction"]))
    return found


documents = st.lists(statements(), min_size=1, max_size=4).map(lambda found: policy(*found))


def requests(account: str, organization: str | None) -> Iterator[tuple[str, Json]]:
    """What a role of that account, and services it drives, can really send: identity is given, the rest is chosen."""
    home: Json = {}
    if organization:
        home = {"aws:PrincipalOrgID": organization, "aws:PrincipalOrgPaths": [f"{organization}/r-ab/ou-1/"]}
    always = {"aws:SecureTransport": "true", "aws:ResourceAccount": OWNER}
    forms = (("User", "x"), ("AssumedRole", "deploy"), ("AssumedRole", "x"))
    addresses = ("203.0.113.7", "198.51.100.1", "2001:db8::7")
    for agent, team, address, ours, (kind, session) in itertools.product(
        (None, "secret"), (None, "blue"), addresses, (None, ORG), forms
    ):
        context = {
            "aws:userid": f"AROA{account}AAAA:{session}",
            "aws:UserAgent": agent,
            "aws:PrincipalTag/team": team,
            "aws:SourceIp": address,
            "aws:ResourceOrgID": ours,
            "aws:PrincipalType": kind,
        }
        yield role("deploy", account), {**always, **home, **{k: v for k, v in context.items() if v is not None}}
    for name, arn in (("s3", "arn:aws:s3:::theirs"), ("sns", f"arn:aws:sns:us-east-1:{account}:t")):
        for source in ({}, {"aws:SourceAccount": account, "aws:SourceArn": arn}):
            yield f"{name}.amazonaws.com", {**always, **source}


def gets_in(document: Any, account: str, organization: str | None) -> set[str]:
    """Who of that account certainly gets in by some request of its choice: "caller", "service"."""
    found = set()
    for principal, context in requests(account, organization):
        decision = decide(document, function_arn=F, principal=principal, context=context)
        if decision.outcome == "allowed" and decision.certainty == "yes":
            found.add("service" if principal.endswith(".com") else "caller")
    return found


def unsafe(found: list[Exposure], name: str) -> bool:
    return any(getattr(exposure, name) != "no" for exposure in found)


CHANNELS: list[Json] = [
    {key: value for key, value in (("lambda:InvokedViaFunctionUrl", by), ("lambda:FunctionUrlAuthType", kind)) if value}
    for by in (None, "true", "false")
    for kind in (None, "NONE", "AWS_IAM")
]
COMMON = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


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
@given(documents)
def test_a_consumer_who_gets_in_is_among_the_exposures(document: Json) -> None:
    parsed = parse(document)
    found = exposures(parsed, function_arn=F, owner_account=OWNER)
    for account in (ACME, GLOBEX):
        if "caller" in gets_in(parsed, account, ORG):
            assert any(
                exposure.external != "no" and (exposure.account in (account, None) or exposure.kind == "everyone")
                for exposure in found
            )


@COMMON
@given(documents)
def test_what_is_called_public_for_certain_lets_a_stranger_in(document: Json) -> None:
    parsed = parse(document)
    found = exposures(parsed, function_arn=F, owner_account=OWNER, url_auth="NONE")
    certain = [
        exposure
        for exposure in found
        if exposure.public == "yes" and INVOKE in exposure.actions and exposure.kind == "everyone" and not exposure.latent
    ]
    if not certain:
        return
    for organization, channel in itertools.product(("o-stranger00", None), CHANNELS):
        strangers = [*requests(STRANGER, organization), *requests(LOOKALIKE, organization)]
        for principal, context in strangers:
            asked = {**context, **channel}
            unsigned = {key: value for key, value in asked.items() if "rincipal" not in key and "user" not in key}
            for caller, sent in ((principal, asked), ("anonymous", unsigned)):
                if decide(parsed, function_arn=F, principal=caller, context=sent).outcome == "allowed":
                    return
    raise AssertionError(f"nobody gets in, yet {certain[0]}")


@COMMON
@given(documents)
def test_an_account_that_is_let_in_for_certain_really_gets_in(document: Json) -> None:
    parsed = parse(document)
    for exposure in exposures(parsed, function_arn=F, owner_account=OWNER, url_auth="NONE"):
        certain = exposure.external == "yes" and not exposure.latent and INVOKE in exposure.actions
        if exposure.kind != "account" or exposure.account is None or not certain:
            continue
        if not any(
            decide(parsed, function_arn=F, principal=one, context={**context, **channel}).outcome == "allowed"
            for organization in (ORG, OTHER_ORG, None)
            for channel in CHANNELS
            for principal, context in requests(exposure.account, organization)
            for one in (principal, principal.replace("role/deploy", "user/bob"))
        ):
            raise AssertionError(f"nobody of it gets in, yet {exposure}")


@COMMON
@given(documents, statements())
def test_adding_a_deny_never_widens(document: Json, extra: Json) -> None:
    narrowed = {**document, "Statement": [*document["Statement"], {**extra, "Effect": "Deny"}]}
    before, after = parse(document), parse(narrowed)
    for account, organization in ((STRANGER, None), (ACME, ORG)):
        assert gets_in(after, account, organization) <= gets_in(before, account, organization)
    assert _safe_answers(before) <= _safe_answers(after)


@COMMON
@given(documents, st.data())
def test_removing_an_allow_never_widens(document: Json, data: st.DataObject) -> None:
    allows = [index for index, one in enumerate(document["Statement"]) if one["Effect"] == "Allow"]
    if not allows:
        return
    gone = data.draw(st.sampled_from(allows))
    less = {**document, "Statement": [one for index, one in enumerate(document["Statement"]) if index != gone]}
    before, after = parse(document), parse(less)
    for account, organization in ((STRANGER, None), (ACME, ORG)):
        assert gets_in(after, account, organization) <= gets_in(before, account, organization)
    assert _safe_answers(before) <= _safe_answers(after)


def _safe_answers(document: Any) -> set[tuple[str, str]]:
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
