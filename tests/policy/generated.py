"""Generated policies, and everything that somebody of an account could really send: what the properties are tried on.

A request has two parts: what AWS says of the caller, which nobody can choose, and what the caller chooses.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

from hypothesis import strategies as st

from .documents import ACME, GLOBEX, INVOKE, ORG, OTHER_ORG, OWNER, F, Json, allow, deny, policy, role

LOOKALIKE = "111100001111"  # a stranger whose id begins like Acme's: wildcards in account ids let it in
UNIT = f"{ORG}/r-ab/ou-1/"
PRINCIPALS: list[Any] = [
    "*",
    {"AWS": "*"},
    {"AWS": ACME},
    {"AWS": f"arn:aws:iam::{GLOBEX}:root"},
    {"AWS": [role(), f"arn:aws:iam::{GLOBEX}:root"]},
    {"AWS": role("team/build", GLOBEX)},
    {"AWS": f"arn:aws:sts::{ACME}:assumed-role/deploy/s1"},
    {"AWS": f"arn:aws-cn:iam::{ACME}:root"},
    {"Service": "s3.amazonaws.com"},
    {"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]},
    {"Service": "logs.amazonaws.com"},
    {"AWS": "AROAEXAMPLEEXAMPLE12"},
]
VALUES: dict[str, list[Any]] = {
    "aws:PrincipalAccount": [ACME, [ACME, GLOBEX], "*", "1111*", "${aws:ResourceAccount}", OWNER],
    "aws:PrincipalArn": [role(), f"arn:aws:iam::{ACME}:role/*", "arn:aws:iam::*:role/deploy", "*"],
    "aws:PrincipalOrgID": [ORG, [ORG, OTHER_ORG], "o-*", "${aws:ResourceOrgID}"],
    "aws:PrincipalOrgPaths": [f"{ORG}/*", f"{ORG}/r-ab/ou-1/*", UNIT, f"{ORG}/*/ou-1/*", "o-*"],
    "aws:SourceAccount": [ACME, OWNER, "*", "${aws:ResourceAccount}"],
    "aws:SourceArn": ["arn:aws:s3:::bucket", f"arn:aws:sns:us-east-1:{ACME}:t", "arn:aws:sns:*:*:*", "*", "arn:aws:s3:::*"],
    "aws:SourceOrgID": [ORG, "o-*", "${aws:ResourceOrgID}"],
    "aws:PrincipalIsAWSService": ["true", "false"],
    "aws:PrincipalServiceName": ["s3.amazonaws.com"],
    "aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/0", ["0.0.0.0/1", "128.0.0.0/1"], "10.0.0.0/8", "::/0"],
    "aws:UserAgent": ["secret"],
    "aws:PrincipalTag/team": ["blue", "${aws:PrincipalTag/team}", "${aws:RequestTag/none}"],
    "aws:PrincipalType": ["User", "AssumedRole"],
    "aws:SecureTransport": ["true", "false"],
    "aws:ResourceAccount": [OWNER, ACME, "${aws:PrincipalAccount}"],
    "aws:ResourceOrgID": [ORG, "${aws:PrincipalOrgID}"],
    "aws:userid": ["AROAACMEACMEACME1234:*", "*:deploy"],
    "saml:sub": ["me"],
    "kms:CallerAccount": [ACME],
    "lambda:FunctionUrlAuthType": ["NONE", "AWS_IAM"],
    "lambda:InvokedViaFunctionUrl": ["true", "false"],
}
FAMILIES = {
    "aws:SourceArn": ["ArnLike", "ArnNotLike", "StringLike", "StringEquals", "StringNotLike", "ArnLikeIfExists", "Null"],
    "aws:PrincipalArn": ["ArnLike", "ArnNotLike", "StringLike", "StringNotEquals", "ArnEqualsIfExists", "Null"],
    "aws:SourceIp": ["IpAddress", "NotIpAddress", "IpAddressIfExists", "NotIpAddressIfExists"],
    **{
        key: ["Bool", "BoolIfExists", "StringEquals", "Null"]
        for key in ("aws:PrincipalIsAWSService", "aws:SecureTransport", "lambda:InvokedViaFunctionUrl")
    },
    "aws:PrincipalOrgPaths": [
        "ForAnyValue:StringLike",
        "ForAnyValue:StringEquals",
        "ForAllValues:StringLike",
        "ForAnyValue:StringNotLike",
        "ForAllValues:StringNotLike",
        "Null",
    ],
}
TEXT = [
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotEquals",
    "StringNotLike",
    "StringEqualsIfExists",
    "StringNotEqualsIfExists",
    "ForAllValues:StringEquals",
    "ForAnyValue:StringEquals",
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
    found["Action"] = draw(st.sampled_from([INVOKE, "lambda:*", "lambda:Invoke*", "lambda:GetFunction", ["*"]]))
    if draw(st.integers(0, 9)) == 0:
        found["NotAction"] = found.pop("Action")
    found["Resource"] = draw(st.sampled_from([F, F, F, "*", f"{F}*", [F, f"{F}:*"], f"{F}:*", f"{F}${{aws:username}}"]))
    if draw(st.integers(0, 14)) == 0:
        found["NotResource"] = found.pop("Resource")
    return found


documents = st.lists(statements(), min_size=1, max_size=4).map(lambda found: policy(*found))

Request = tuple[str, Json]
_ADDRESSES = (None, "203.0.113.7", "198.51.100.1", "2001:db8::7")
_ALWAYS: Json = {"aws:SecureTransport": "true", "aws:ResourceAccount": OWNER}


@cache
def requests(account: str, organization: str | None) -> tuple[Request, ...]:
    """What a role or user of that account, and services it drives, can really send: identity is given, the rest chosen.

    `organization`: id, or whole unit path, of the organisation the account is in.
    """
    return tuple(_requests(account, organization))


def _requests(account: str, organization: str | None) -> Iterator[Request]:
    home: Json = {}
    if organization:
        path = organization if "/" in organization else f"{organization}/r-ab/ou-1/"
        home = {"aws:PrincipalOrgID": organization.split("/")[0], "aws:PrincipalOrgPaths": [path]}
    callers = (
        (role("deploy", account), "AssumedRole", "deploy"),
        (role("deploy", account), "AssumedRole", "x"),
        (f"arn:aws:iam::{account}:user/bob", "User", "x"),
    )
    chosen = itertools.product((None, "secret"), (None, "blue"), _ADDRESSES, (None, ORG), (None, "me"))
    for (agent, team, address, ours, person), (caller, kind, session) in itertools.product(chosen, callers):
        context = {
            "aws:userid": f"AROA{account}AAAA:{session}",
            "aws:UserAgent": agent,
            "aws:PrincipalTag/team": team,
            "aws:SourceIp": address,
            "aws:ResourceOrgID": ours,
            "aws:PrincipalType": kind,
            "saml:sub": person,
        }
        yield caller, {**_ALWAYS, **home, **{k: v for k, v in context.items() if v is not None}}
    sources: Json = {"aws:SourceAccount": account, **({"aws:SourceOrgID": home["aws:PrincipalOrgID"]} if home else {})}
    for name, arn in (("s3", "arn:aws:s3:::theirs"), ("sns", f"arn:aws:sns:us-east-1:{account}:t")):
        for source in ({}, {**sources, "aws:SourceArn": arn}):
            yield f"{name}.amazonaws.com", {**_ALWAYS, **source}
            yield f"{name}.amazonaws.com", {**_ALWAYS, **source, "aws:ResourceOrgID": ORG}


CHANNELS: list[Json] = [
    {key: value for key, value in (("lambda:InvokedViaFunctionUrl", by), ("lambda:FunctionUrlAuthType", kind)) if value}
    for by in (None, "true", "false")
    for kind in (None, "NONE", "AWS_IAM")
]
