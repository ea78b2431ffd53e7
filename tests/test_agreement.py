"""The sandbox and the policy room, each written from AWS's documentation by itself, must give the same answer.

The sandbox may not import the product and the product may not import the sandbox: only here do the two meet. Where AWS's
documentation leaves two readings the product says "depends", and the rows that may do so are named with the reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sharing.policy import Certainty, Decision, decide
from sharing.sandbox import authorization, identity
from sharing.sandbox.evaluation import Who, resource_outcome
from sharing.sandbox.identity import Caller, Rights
from sharing.sandbox.server import Sandbox

PLATFORM, ACME, GLOBEX, UMBRELLA = "444455556666", "111122223333", "222233334444", "666677778888"
ORGANISATION = "o-k3s8w1q9zt"
HELLO = f"arn:aws:lambda:us-east-1:{PLATFORM}:function:hello_world"
INVOKE = "lambda:InvokeFunction"

ORDERS = f"arn:aws:iam::{ACME}:role/apps/order-processor"
BATCH = f"arn:aws:iam::{GLOBEX}:role/billing-batch"
NIGHTLY = f"arn:aws:sts::{GLOBEX}:assumed-role/billing-batch/nightly"
WEEKLY = f"arn:aws:sts::{GLOBEX}:assumed-role/billing-batch/weekly"

EVERYTHING: Final = ({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},)

Context = Mapping[str, str | Sequence[str]]
Statement = dict[str, Any]


@dataclass(frozen=True)
class Asker:
    """Somebody who calls. text: as the product is told. role, session: of a role's session; service: a service."""

    text: str
    account: str = ""
    user: str = ""
    role: str = ""
    session: str = ""


USER = Asker(f"arn:aws:iam::{ACME}:user/admin", ACME, user="admin")
ROLE = Asker(ORDERS, ACME, role="order-processor", session="run")
SESSION = Asker(NIGHTLY, GLOBEX, role="billing-batch", session="nightly")
STRANGER = Asker(f"arn:aws:iam::{UMBRELLA}:user/admin", UMBRELLA, user="admin")
OWNER = Asker(f"arn:aws:iam::{PLATFORM}:user/admin", PLATFORM, user="admin")
S3 = Asker("s3.amazonaws.com")
SNS = Asker("sns.amazonaws.com")
EVERYBODY = {
    "a user": USER,
    "a role": ROLE,
    "a session": SESSION,
    "a stranger": STRANGER,
    "the owner": OWNER,
    "S3": S3,
    "SNS": SNS,
}


@dataclass(frozen=True)
class Row:
    """One question. expected: allowed, denied (by a Deny) or none (nothing lets them in), as AWS documents it.

    depends: why the product may say that it cannot tell; it must say so then.
    """

    name: str
    statements: Sequence[Statement]
    expected: str
    asker: Asker = USER
    action: str = INVOKE
    qualifier: str = ""
    context: Context = field(default_factory=dict)
    version: str = "2012-10-17"
    depends: str = ""


def allow(**changed: Any) -> Statement:
    """Everybody may invoke hello_world, but for what is changed; None leaves an element out."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": INVOKE, "Resource": HELLO, **changed}
    return {name: value for name, value in statement.items() if value is not None}


def deny(**changed: Any) -> Statement:
    return allow(**{"Effect": "Deny", **changed})


def of_aws(*names: str) -> dict[str, Any]:
    return {"AWS": list(names) if len(names) > 1 else names[0]}


# Who ----------------------------------------------------------------------------------------------------------------

_ROOT = f"arn:aws:iam::{ACME}:root"
#: principal -> the names in EVERYBODY whom it takes in
PRINCIPALS: list[tuple[str, Any, set[str]]] = [
    ("everyone", "*", set(EVERYBODY)),
    ("everyone in AWS", of_aws("*"), set(EVERYBODY)),
    ("an account", of_aws(ACME), {"a user", "a role"}),
    ("an account's root", of_aws(_ROOT), {"a user", "a role"}),
    ("two accounts", of_aws(ACME, GLOBEX), {"a user", "a role", "a session"}),
    ("the owner's account", of_aws(PLATFORM), {"the owner"}),
    ("a role with a path", of_aws(ORDERS), {"a role"}),
    ("a role", of_aws(BATCH), {"a session"}),
    ("a session", of_aws(NIGHTLY), {"a session"}),
    ("another session", of_aws(WEEKLY), set()),
    ("a user", of_aws(USER.text), {"a user"}),
    ("a deleted role", of_aws("AROA4KQ7PXEXAMPLE2Z9V"), set()),
    ("S3", {"Service": "s3.amazonaws.com"}, {"S3"}),
    ("two services", {"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}, {"S3", "SNS"}),
    ("an account and a service", {"AWS": ACME, "Service": "s3.amazonaws.com"}, {"a user", "a role", "S3"}),
]


def _who() -> Iterator[Row]:
    for name, principal, taken_in in PRINCIPALS:
        for who, asker in EVERYBODY.items():
            let_in = who in taken_in
            yield Row(f"{name} asked by {who}", [allow(Principal=principal)], "allowed" if let_in else "none", asker)
            denied = [allow(), deny(Principal=principal)]
            yield Row(f"Deny of {name} asked by {who}", denied, "denied" if let_in else "allowed", asker)


_SPARE_BATCH = of_aws(BATCH, NIGHTLY, GLOBEX)
_HALF_SPARED = "whether naming some forms of a caller spares it: AWS asks to name account, role and session"
_NOT: list[tuple[str, Any, Asker, str, str]] = [
    ("a user and its account, the user", of_aws(ACME, USER.text), USER, "allowed", ""),
    ("a user and its account, another", of_aws(ACME, USER.text), STRANGER, "denied", ""),
    ("only the account, a user of it", of_aws(ACME), USER, "denied", _HALF_SPARED),
    ("role, session and account, the session", _SPARE_BATCH, SESSION, "allowed", ""),
    ("role and account, a session", of_aws(BATCH, GLOBEX), SESSION, "denied", _HALF_SPARED),
    ("a service, itself", {"Service": "s3.amazonaws.com"}, S3, "allowed", ""),
    ("a service, another", {"Service": "s3.amazonaws.com"}, SNS, "denied", ""),
    ("a service, a user", {"Service": "s3.amazonaws.com"}, USER, "denied", ""),
    ("an account, a service", of_aws(ACME), S3, "denied", ""),
]


def _not_principals() -> Iterator[Row]:
    for name, spared, asker, expected, depends in _NOT:
        statements = [allow(), deny(Principal=None, NotPrincipal=spared)]
        yield Row(f"Deny all but {name}", statements, expected, asker, depends=depends)
    but_globex = allow(Principal=None, NotPrincipal=of_aws(GLOBEX))
    yield Row("Allow all but an account, another account", [but_globex], "allowed", USER)
    yield Row("Allow all but an account, a service", [but_globex], "allowed", S3)
    yield Row("Allow all but a user, another", [allow(Principal=None, NotPrincipal=of_aws(USER.text))], "allowed", STRANGER)


# What and where -----------------------------------------------------------------------------------------------------

#: action element -> actions it takes in, of those asked
ASKED = (INVOKE, "lambda:InvokeFunctionUrl", "lambda:GetFunction", "lambda:UpdateFunctionCode")
ACTIONS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("its name", {"Action": INVOKE}, {INVOKE}),
    ("its name in other case", {"Action": "LAMBDA:invokefunction"}, {INVOKE}),
    ("a list", {"Action": [INVOKE, "lambda:GetFunction"]}, {INVOKE, "lambda:GetFunction"}),
    ("a prefix", {"Action": "lambda:Invoke*"}, {INVOKE, "lambda:InvokeFunctionUrl"}),
    ("a question mark", {"Action": "lambda:InvokeFunctio?"}, {INVOKE}),
    ("a star within", {"Action": "lambda:*Function"}, {INVOKE, "lambda:GetFunction"}),
    ("every action of Lambda", {"Action": "lambda:*"}, set(ASKED)),
    ("every action", {"Action": "*"}, set(ASKED)),
    ("the name that is none", {"Action": "lambda:Invoke"}, set()),
    ("all but one", {"Action": None, "NotAction": INVOKE}, set(ASKED) - {INVOKE}),
    ("all but a prefix", {"Action": None, "NotAction": "lambda:Get*"}, set(ASKED) - {"lambda:GetFunction"}),
    ("all but some", {"Action": None, "NotAction": ["lambda:invoke*", "lambda:Update*"]}, {"lambda:GetFunction"}),
]

#: resource element -> qualifiers of hello_world it takes in, of those asked
PLACES = ("", "live", "1")
RESOURCES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("the function", {"Resource": HELLO}, {""}),
    ("the alias", {"Resource": f"{HELLO}:live"}, {"live"}),
    ("a list", {"Resource": [HELLO, f"{HELLO}:1"]}, {"", "1"}),
    ("every qualifier", {"Resource": f"{HELLO}:*"}, {"live", "1"}),
    ("function and what follows", {"Resource": f"{HELLO}*"}, set(PLACES)),
    ("a question mark", {"Resource": f"{HELLO}:?"}, {"1"}),
    ("every resource", {"Resource": "*"}, set(PLACES)),
    ("another function", {"Resource": HELLO.replace("hello", "good")}, set()),
    ("other letter case", {"Resource": HELLO.replace("hello", "Hello")}, set()),
    ("every region", {"Resource": HELLO.replace("us-east-1", "*")}, {""}),
    ("another region", {"Resource": HELLO.replace("us-east-1", "eu-west-1")}, set()),
    ("all but the function", {"Resource": None, "NotResource": HELLO}, {"live", "1"}),
    ("all but its qualifiers", {"Resource": None, "NotResource": f"{HELLO}:*"}, {""}),
]


def _what_and_where() -> Iterator[Row]:
    for name, element, taken_in in ACTIONS:
        for action in ASKED:
            expected = "allowed" if action in taken_in else "none"
            yield Row(f"{name} asked for {action}", [allow(**element)], expected, action=action)
        denied = "denied" if INVOKE in taken_in else "allowed"
        yield Row(f"Deny of {name}", [allow(), deny(**element)], denied)
    for name, element, taken_in in RESOURCES:
        for place in PLACES:
            expected = "allowed" if place in taken_in else "none"
            yield Row(f"{name} asked at {place or 'the function'}", [allow(**element)], expected, qualifier=place)
        denied = "denied" if "live" in taken_in else "allowed"
        both = [allow(Resource=f"{HELLO}:live"), deny(**element)]
        yield Row(f"Deny at {name}", both, denied, qualifier="live")
    cut_short = "two documented readings: by parts it does not match, over the whole text it does"
    yield Row("a resource cut short", [allow(Resource="arn:aws:lambda:*")], "allowed", depends=cut_short)


# Conditions ---------------------------------------------------------------------------------------------------------

#: operator, key, values in the policy (any will do), a value that matches one, a value that matches none
OPERATORS: list[tuple[str, str, tuple[str, ...], str, str]] = [
    ("StringEquals", "aws:SourceAccount", (ACME, GLOBEX), GLOBEX, UMBRELLA),
    ("StringEquals", "aws:Referer", ("Shop",), "Shop", "shop"),
    ("StringNotEquals", "aws:SourceAccount", (ACME, GLOBEX), GLOBEX, UMBRELLA),
    ("StringEqualsIgnoreCase", "aws:Referer", ("Shop",), "sHOP", "shops"),
    ("StringNotEqualsIgnoreCase", "aws:Referer", ("Shop",), "sHOP", "shops"),
    ("StringLike", "aws:PrincipalOrgPaths", ("o-abc/r-1/*", "o-abc/r-2/ou-?"), "o-abc/r-2/ou-7", "o-abc/r-3/ou-7"),
    ("StringLike", "aws:Referer", ("*",), "", "needs none"),
    ("StringNotLike", "aws:Referer", ("shop-*",), "shop-1", "store-1"),
    ("ArnEquals", "aws:SourceArn", ("arn:aws:s3:::bucket",), "arn:aws:s3:::bucket", "arn:aws:s3:::other"),
    ("ArnLike", "aws:SourceArn", ("arn:aws:s3:::photos-*",), "arn:aws:s3:::photos-1", "arn:aws:s3:::video-1"),
    (
        "ArnLike",
        "aws:SourceArn",
        (f"arn:aws:events:*:{ACME}:rule/nightly-?",),
        f"arn:aws:events:us-east-1:{ACME}:rule/nightly-1",
        f"arn:aws:events:us-east-1:{GLOBEX}:rule/nightly-1",
    ),
    ("ArnNotEquals", "aws:SourceArn", ("arn:aws:s3:::bucket",), "arn:aws:s3:::bucket", "arn:aws:s3:::other"),
    ("ArnNotLike", "aws:SourceArn", ("arn:aws:s3:::photos-*",), "arn:aws:s3:::photos-1", "arn:aws:s3:::video-1"),
    ("Bool", "lambda:InvokedViaFunctionUrl", ("true",), "true", "false"),
    ("BinaryEquals", "aws:PrincipalTag/key", ("QmluYXJ5",), "QmluYXJ5", "T3RoZXI="),
    ("IpAddress", "aws:SourceIp", ("203.0.113.0/24", "2001:db8::/32"), "203.0.113.7", "198.51.100.7"),
    ("IpAddress", "aws:SourceIp", ("203.0.113.0/24", "2001:db8::/32"), "2001:db8::7", "2001:db9::7"),
    ("NotIpAddress", "aws:SourceIp", ("203.0.113.0/24",), "203.0.113.7", "198.51.100.7"),
    ("NumericEquals", "aws:MultiFactorAuthAge", ("300",), "300.0", "301"),
    ("NumericNotEquals", "aws:MultiFactorAuthAge", ("300",), "300", "301"),
    ("NumericLessThan", "aws:MultiFactorAuthAge", ("300",), "299", "300"),
    ("NumericLessThanEquals", "aws:MultiFactorAuthAge", ("300",), "300", "301"),
    ("NumericGreaterThan", "aws:MultiFactorAuthAge", ("300",), "301", "300"),
    ("NumericGreaterThanEquals", "aws:MultiFactorAuthAge", ("300",), "300", "299"),
    ("DateEquals", "aws:CurrentTime", ("2026-11-23T00:00:00Z",), "2026-11-23T01:00:00+01:00", "2026-11-23T00:00:01Z"),
    ("DateNotEquals", "aws:CurrentTime", ("2026-11-23T00:00:00Z",), "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
    ("DateLessThan", "aws:CurrentTime", ("2026-11-23T00:00:00Z",), "2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"),
    ("DateLessThan", "aws:EpochTime", ("1795392000",), "1795391999", "1795392000"),
    ("DateLessThanEquals", "aws:CurrentTime", ("2026-11-23",), "2026-11-23T00:00:00Z", "2026-11-23T00:00:01Z"),
    ("DateGreaterThan", "aws:CurrentTime", ("2026-11-23T00:00:00Z",), "2026-11-23T00:00:01Z", "2026-11-23T00:00:00Z"),
    ("DateGreaterThanEquals", "aws:CurrentTime", ("2026-11-23T00:00:00Z",), "2026-11-23T00:00:00Z", "2026-11-22T00:00:00Z"),
]


def _expected(holds: bool, effect: str) -> str:
    if effect == "Allow":
        return "allowed" if holds else "none"
    return "denied" if holds else "allowed"


def _under(operator: str, key: str, values: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: values}}}


def _conditions() -> Iterator[Row]:
    for number, (operator, key, values, match, other) in enumerate(OPERATORS):
        negated = "Not" in operator
        one: Any = values[0] if len(values) == 1 else list(values)
        cases: list[tuple[str, str, list[str] | None, bool]] = [
            ("a match", operator, [match], not negated),
            ("no match", operator, [other], negated),
            ("no such key", operator, None, negated),
            ("IfExists, a match", f"{operator}IfExists", [match], not negated),
            ("IfExists, no match", f"{operator}IfExists", [other], negated),
            ("IfExists, no such key", f"{operator}IfExists", None, True),
            ("ForAnyValue, one of two", f"ForAnyValue:{operator}", [other, match], True),
            ("ForAnyValue, all match", f"ForAnyValue:{operator}", [match], not negated),
            ("ForAnyValue, no such key", f"ForAnyValue:{operator}", None, False),
            ("ForAllValues, one of two", f"ForAllValues:{operator}", [other, match], False),
            ("ForAllValues, all match", f"ForAllValues:{operator}", [match, match], not negated),
            ("ForAllValues, none match", f"ForAllValues:{operator}", [other], negated),
            ("ForAllValues, no such key", f"ForAllValues:{operator}", None, True),
        ]
        if other == "needs none":  # `*` matches whatever there is
            cases = [case for case in cases if case[2] != [other] and "one of two" not in case[0]]
        for name, written, given, holds in cases:
            context = {} if given is None else {key: given[0] if len(given) == 1 else given}
            for effect in ("Allow", "Deny"):
                limited = allow(Effect=effect, **_under(written, key, one))
                statements = [limited] if effect == "Allow" else [allow(), limited]
                title = f"{number} {effect} {operator} {key}, {name}"
                yield Row(title, statements, _expected(holds, effect), context=context)


def _special_conditions() -> Iterator[Row]:
    key = "aws:SourceAccount"
    for wanted, given, holds in (("true", None, True), ("true", ACME, False), ("false", None, False), ("false", ACME, True)):
        context = {key: given} if given else {}
        limited = _under("Null", key, wanted)
        yield Row(f"Null {wanted} with {given}", [allow(**limited)], _expected(holds, "Allow"), context=context)
        yield Row(f"Deny Null {wanted} with {given}", [allow(), deny(**limited)], _expected(holds, "Deny"), context=context)
    both = {"Condition": {"StringEquals": {key: ACME}, "ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}}
    for account, bucket, holds in ((ACME, "bucket", True), (GLOBEX, "bucket", False), (ACME, "other", False)):
        context = {key: account, "aws:SourceArn": f"arn:aws:s3:::{bucket}"}
        title = f"account and bucket, {account} {bucket}"
        yield Row(title, [allow(**both)], _expected(holds, "Allow"), S3, context=context)
        two_keys = {"Condition": {"StringEquals": {key: ACME, "aws:SourceArn": "arn:aws:s3:::bucket"}}}
        yield Row(f"two keys, {account} {bucket}", [allow(**two_keys)], _expected(holds, "Allow"), S3, context=context)
    yield Row(
        "a key in other case", [allow(**_under("stringequals", "AWS:sourceACCOUNT", ACME))], "allowed", context={key: ACME}
    )
    yield Row("a boolean as JSON", [allow(**_under("Bool", "aws:SecureTransport", True))], "allowed", context=_SECURE)
    yield Row(
        "Deny of plain HTTP", [allow(), deny(**_under("Bool", "aws:SecureTransport", "false"))], "allowed", context=_SECURE
    )
    yield Row("a number as JSON", [allow(**_under("NumericEquals", "aws:MultiFactorAuthAge", 5))], "allowed", context=_AGE)
    in_organisation = allow(**_under("StringEquals", "aws:PrincipalOrgID", ORGANISATION))
    yield Row("an organisation's member", [in_organisation], "allowed", context={"aws:PrincipalOrgID": ORGANISATION})
    yield Row("an organisation's stranger", [in_organisation], "none", STRANGER)
    yield Row("an organisation and a service", [in_organisation], "none", S3)
    anyone_else = deny(**_under("StringNotEquals", "aws:PrincipalOrgID", ORGANISATION))
    yield Row(
        "Deny outside the organisation, a member",
        [allow(), anyone_else],
        "allowed",
        context={"aws:PrincipalOrgID": ORGANISATION},
    )
    yield Row("Deny outside the organisation, a stranger", [allow(), anyone_else], "denied", STRANGER)
    yield Row("Deny outside the organisation, a service", [allow(), anyone_else], "denied", S3)


_SECURE = {"aws:SecureTransport": "true"}
_AGE = {"aws:MultiFactorAuthAge": "5"}


def _about_the_caller() -> Iterator[Row]:
    """Keys that follow from who calls: the product derives them, the sandbox knows them."""
    facts: list[tuple[str, str, str, set[str]]] = [
        ("StringEquals", "aws:PrincipalAccount", ACME, {"a user", "a role"}),
        ("ArnEquals", "aws:PrincipalArn", ORDERS, {"a role"}),
        ("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACME}:role/apps/*", {"a role"}),
        ("ArnEquals", "aws:PrincipalArn", USER.text, {"a user"}),
        ("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{GLOBEX}:role/billing-*", {"a session"}),
        ("StringEquals", "aws:PrincipalArn", NIGHTLY, set()),
        ("StringEquals", "aws:PrincipalType", "User", {"a user", "a stranger", "the owner"}),
        ("StringEquals", "aws:PrincipalType", "AssumedRole", {"a role", "a session"}),
        ("Bool", "aws:PrincipalIsAWSService", "true", {"S3", "SNS"}),
        ("StringEquals", "aws:PrincipalServiceName", "s3.amazonaws.com", {"S3"}),
    ]
    for operator, key, value, fitting in facts:
        for who, asker in EVERYBODY.items():
            unknown = key == "aws:PrincipalType" and not asker.account
            # A session's ARN does not show its role's path, so a pattern with a path may fit it.
            unknown = unknown or (asker is SESSION and key == "aws:PrincipalArn" and "role/billing-*" in value)
            why = "AWS does not say what the key holds for this caller, or its ARN does not" if unknown else ""
            holds = who in fitting
            title = f"{operator} {key} {value} asked by {who}"
            if unknown and asker is not SESSION:
                continue  # IAM's table of principal types has no line for services: neither side may claim to know
            limited = _under(operator, key, value)
            yield Row(title, [allow(**limited)], _expected(holds, "Allow"), asker, depends=why if not holds else "")
            yield Row(
                f"Deny {title}", [allow(), deny(**limited)], _expected(holds, "Deny"), asker, depends=why if not holds else ""
            )


def _variables() -> Iterator[Row]:
    same = _under("StringEquals", "aws:SourceAccount", "${aws:PrincipalAccount}")
    yield Row("a variable that fits", [allow(**same)], "allowed", context={"aws:SourceAccount": ACME})
    yield Row("a variable that does not fit", [allow(**same)], "none", context={"aws:SourceAccount": GLOBEX})
    old = Row(
        "no variables in the old version", [allow(**same)], "none", context={"aws:SourceAccount": ACME}, version="2008-10-17"
    )
    yield old
    literal = {"aws:SourceAccount": "${aws:PrincipalAccount}"}
    yield Row("literal text in the old version", [allow(**same)], "allowed", context=literal, version="2008-10-17")
    star = _under("StringLike", "aws:Referer", "shop-${*}")
    yield Row("a literal star", [allow(**star)], "allowed", context={"aws:Referer": "shop-*"})
    yield Row("a literal star is no wildcard", [allow(**star)], "none", context={"aws:Referer": "shop-1"})
    filled = _under("StringEquals", "aws:Referer", "${aws:UserAgent}")
    yield Row("a filled-in star", [allow(**filled)], "allowed", context={"aws:Referer": "*", "aws:UserAgent": "*"})
    spare = _under("StringEquals", "aws:Referer", "${aws:PrincipalTag/team, 'none'}")
    yield Row("a default for a missing variable", [allow(**spare)], "allowed", context={"aws:Referer": "none"})
    mine = allow(Resource=HELLO.replace("hello_world", "${aws:Referer}"))
    yield Row("a variable in a resource", [mine], "allowed", context={"aws:Referer": "hello_world"})


def _together() -> Iterator[Row]:
    here = allow(Sid="here", Principal=of_aws(ACME))
    there = allow(Sid="there", Principal=of_aws(GLOBEX))
    yield Row("the second of two", [there, here], "allowed")
    yield Row("neither of two", [there, here], "none", STRANGER)
    yield Row("a Deny before", [deny(Principal=of_aws(ACME)), here], "denied")
    yield Row("a Deny after", [here, deny(Principal=of_aws(ACME))], "denied")
    yield Row("a Deny alone", [deny()], "denied")
    yield Row("a Deny of another action", [here, deny(Action="lambda:GetFunction")], "allowed")
    yield Row("a Deny elsewhere", [here, deny(Resource=f"{HELLO}:live")], "allowed")
    yield Row("an account but not its role", [here, deny(Principal=of_aws(ORDERS))], "allowed", USER)
    yield Row("the role of that account", [here, deny(Principal=of_aws(ORDERS))], "denied", ROLE)
    yield Row("a policy of an alias does not reach the function", [allow(Resource=f"{HELLO}:live")], "none")
    via_url = allow(Action="lambda:InvokeFunctionUrl", **_under("StringEquals", "lambda:FunctionUrlAuthType", "AWS_IAM"))
    yield Row("a URL's statement is no invoke", [via_url], "none", context={"lambda:FunctionUrlAuthType": "AWS_IAM"})
    through_url = allow(**_under("Bool", "lambda:InvokedViaFunctionUrl", "true"))
    yield Row("only through the URL", [through_url], "none")
    token = allow(
        Principal={"Service": "alexa-appkit.amazon.com"}, **_under("StringEquals", "lambda:EventSourceToken", "skill-1")
    )
    alexa = Asker("alexa-appkit.amazon.com")
    yield Row("the right event source token", [token], "allowed", alexa, context={"lambda:EventSourceToken": "skill-1"})
    yield Row("a wrong event source token", [token], "none", alexa, context={"lambda:EventSourceToken": "skill-2"})
    yield Row("no event source token", [token], "none", alexa)
    source = {"StringEquals": {"AWS:SourceAccount": ACME}, "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::photos"}}
    bucket = allow(Principal={"Service": "s3.amazonaws.com"}, Condition=source)
    right = {"aws:SourceAccount": ACME, "aws:SourceArn": "arn:aws:s3:::photos"}
    yield Row("the bucket's own", [bucket], "allowed", S3, context=right)
    yield Row("a bucket made again by a stranger", [bucket], "none", S3, context={**right, "aws:SourceAccount": UMBRELLA})
    yield Row("a service that says nothing of its source", [bucket], "none", S3)


ROWS = [
    *_who(),
    *_not_principals(),
    *_what_and_where(),
    *_conditions(),
    *_special_conditions(),
    *_about_the_caller(),
    *_variables(),
    *_together(),
]


class Place:
    """hello_world in the sandbox, with an alias and a version, and everybody who asks about it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        sandbox.publish_version(HELLO)
        sandbox.add_alias(HELLO, "live", "1")

    def caller(self, asker: Asker) -> Caller | None:
        """The sandbox's own idea of who asks; None for a service, which has no identity policies."""
        if not asker.account:
            return None
        if asker.user:
            key = next(found.access_key_id for found in self.sandbox.accounts if found.id == asker.account)
            return self.sandbox.directory.caller(key)
        role = identity.find_role(asker.account, asker.role)
        assert role is not None
        arn = f"arn:aws:sts::{asker.account}:assumed-role/{asker.role}/{asker.session}"
        who = Who("role", asker.account, str(role.arn), str(role.id), arn)
        session = identity.Session(
            *("ASIAAGREEMENT", "", "", float("inf"), asker.account, str(role.id), str(role.arn), asker.role),
            session_name=asker.session,
            policies=(),
        )
        return Caller(who, arn, f"{role.id}:{asker.session}", asker.account, "ASIAAGREEMENT", session=session)

    def says(self, row: Row) -> str:
        """The sandbox's answer: allowed, denied or none."""
        arn = f"{HELLO}:{row.qualifier}" if row.qualifier else HELLO
        self.sandbox.put_policy(arn, {"Version": row.version, "Statement": list(row.statements)})
        function = self.sandbox.function(HELLO)
        assert function is not None
        held = function.policy(row.qualifier)
        assert held is not None
        caller = self.caller(row.asker)
        given = {key.lower(): [value] if isinstance(value, str) else list(value) for key, value in row.context.items()}
        if caller is None:
            known = {"aws:principalisawsservice": ["true"], "aws:principalservicename": [row.asker.text]}
            who = Who("service", "", row.asker.text)
            found = resource_outcome(held.document, who, row.action, arn, {**known, **given})
            return "denied" if found.denied else "allowed" if found.allowed else "none"
        gate = self.sandbox._front.gate
        everything = gate.context(caller, "us-east-1")
        # What belongs to the moment and the network is the row's to give; what follows from the caller is the sandbox's.
        about = ("aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:principalisawsservice")
        context = {**{key: everything[key] for key in about}, **given}
        outcome = resource_outcome(held.document, caller.who, row.action, arn, context)
        answer = "denied" if outcome.denied else "allowed" if outcome.allowed else "none"
        if caller.account != PLATFORM:
            # With an identity policy that allows everything the function's policy alone decides.
            rights = Rights(EVERYTHING, None, None)
            verdict = authorization.decide(caller, rights, row.action, arn, PLATFORM, held.document, context)
            assert verdict.allowed == (answer == "allowed"), verdict
        return answer


@pytest.fixture(scope="module")
def place(running_sandbox: Sandbox) -> Place:
    """One for all rows: each sets the policy it asks about."""
    running_sandbox.reset("demo")
    return Place(running_sandbox)


def product_says(row: Row) -> Decision:
    document = {"Version": row.version, "Statement": list(row.statements)}
    arn = f"{HELLO}:{row.qualifier}" if row.qualifier else HELLO
    return decide(document, function_arn=arn, principal=row.asker.text, action=row.action, context=row.context)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_both_decide_as_aws_documents(place: Place, row: Row) -> None:
    assert place.says(row) == row.expected, "the sandbox"
    decision = product_says(row)
    if row.depends:
        assert decision.certainty is Certainty.DEPENDS, row.depends
        assert decision.unknown
        return
    assert decision.certainty is Certainty.YES, decision.unknown
    assert decision.outcome.value == row.expected, "the product"


def test_every_operator_that_either_knows_is_asked() -> None:
    from sharing.policy.conditions import OPERATORS as PRODUCTS
    from sharing.sandbox.conditions import OPERATORS as SANDBOXES

    asked = {operator.lower() for operator, *_ in OPERATORS} | {"null"}
    assert asked == set(PRODUCTS)
    assert asked == set(SANDBOXES) | {"null"}


def test_the_rows_have_names_of_their_own() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
    assert len(names) > 300


# The stories, over real HTTP ----------------------------------------------------------------------------------------

ONE_TRY = Config(retries={"total_max_attempts": 1})


def _dry_run(client: Any, arn: str) -> str:
    """The sandbox's answer over HTTP; its message says which side refused, and whether by a Deny."""
    try:
        client.invoke(FunctionName=arn, InvocationType="DryRun", LogType="None")
    except ClientError as refusal:
        text = f"{refusal.response['Error']['Code']}: {refusal}"
        if text.startswith("AccessDeniedException"):
            return "denied" if "explicit deny in a resource-based policy" in text else "none"
        return text
    return "allowed"


@pytest.mark.parametrize("story", ["demo", "other"])
def test_what_a_story_lets_in_is_what_a_dry_run_proves(running_sandbox: Sandbox, story: str) -> None:
    """Every function, alias and version, asked as every account that is not the owner."""
    sandbox = running_sandbox
    sandbox.reset(story)
    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    disagreements, asked = [], 0
    for account in sandbox.accounts:
        if account.kind not in ("consumer", "stranger"):
            continue
        caller = sandbox.directory.caller(account.access_key_id)
        assert caller is not None
        organisation = sandbox.directory.organisations.get(account.id)
        # The sandbox speaks plain HTTP and says that it is TLS, as AWS always is.
        context = {"aws:SecureTransport": "true", **({"aws:PrincipalOrgID": organisation} if organisation else {})}
        for region in owner.regions:
            client = boto3.client(
                "lambda",
                region_name=region,
                endpoint_url=sandbox.url,
                aws_access_key_id=account.access_key_id,
                aws_secret_access_key=account.secret_access_key,
                config=ONE_TRY,
            )
            for name in sandbox.estate.names(owner.id, region):
                function = sandbox.estate.find(owner.id, region, name)
                assert function is not None
                for qualifier in ("", *function.aliases, *function.versions):
                    arn = function.qualified(qualifier)
                    shown = sandbox.policy(arn)
                    decision = decide(shown, function_arn=arn, principal=caller.who.arn, context=context)
                    answer = _dry_run(client, arn)
                    asked += 1
                    if decision.certainty is not Certainty.YES or decision.outcome.value != answer:
                        disagreements.append(f"{account.name} on {arn}: {answer} by DryRun, {decision}")
    assert not disagreements, "\n".join(disagreements)
    assert asked > 50
