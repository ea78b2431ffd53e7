"""The shortcut for AddPermission's statements says what the long way says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharing.policy import Exposure, FunctionArn, exposures, parse
from sharing.policy import reduction as reducing
from sharing.policy.plain import plain

from .documents import ACME, GLOBEX, ORG, OWNER, F, Json, allow, deny, policy, role, root, service
from .test_permission import permissions

SHAPES: list[Json] = [
    allow(),
    allow(root(OWNER)),
    allow({"AWS": role()}),
    allow({"AWS": f"arn:aws:sts::{ACME}:assumed-role/R/S"}),
    allow("*"),
    allow({"AWS": "AROAEXAMPLEEXAMPLE12"}),
    allow({"AWS": "arn:aws-cn:iam::111122223333:root"}),
    allow(service()),
    allow(service("logs")),
    allow(service(), {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}),
    allow(service(), {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::*"}}),
    allow(service(), {"StringEquals": {"AWS:SourceAccount": ACME}, "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}),
    allow(service(), {"StringEquals": {"AWS:SourceAccount": ACME}, "ArnLike": {"AWS:SourceArn": f"arn:aws:sns:x:{GLOBEX}:t"}}),
    allow(service(), {"StringEquals": {"AWS:SourceAccount": "nonsense"}}),
    allow(service(), {"StringEquals": {"aws:PrincipalOrgID": ORG}}),
    allow(service("sns"), {"ArnLike": {"AWS:SourceArn": "arn:aws:sns:us-east-1::t"}}),
    allow("*", {"StringEquals": {"aws:PrincipalOrgID": ORG}}),
    allow("*", {"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}),
    allow(root(), {"StringEquals": {"aws:PrincipalOrgID": ORG}}),
    allow({"AWS": role()}, {"StringEquals": {"aws:PrincipalOrgID": ORG}}),
    allow({"AWS": "AROAEXAMPLEEXAMPLE12"}, {"StringEquals": {"aws:PrincipalOrgID": ORG}}),
    allow({"Service": "alexa-appkit.amazon.com"}, {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask"}}),
    allow(service("sns"), {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask"}}),
    allow(service("sns"), {"StringEquals": {"lambda:EventSourceToken": "amzn*"}}),
    allow(service("sns"), {"StringLike": {"lambda:EventSourceToken": "amzn1.ask"}}),
    allow("*", {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask"}}),
    allow(service("sns"), {"ArnLike": {"AWS:SourceArn": f"arn:aws-cn:sns:cn-north-1:{ACME}:t"}}),
    allow(Action="lambda:InvokeFunctionUrl"),
    allow(Action="lambda:GetFunction"),
    allow(Action="lambda:*"),
    allow(Action="lambda:Invoke"),
    allow(Resource=f"{F}:live"),
    allow(Resource="*"),
]
DENIES = [[], [deny(root())], [deny(condition={"StringNotEquals": {"aws:PrincipalOrgID": ORG}})]]


def told(found: list[Exposure]) -> set[tuple[Any, ...]]:
    return {
        (
            one.kind, one.principal, one.account, one.organization, one.actions, one.action_class, one.qualifier,
            one.conditions.narrowing, one.conditions.other, one.statements, one.public, one.external, one.open_service,
            one.audience, one.zone, one.latent, one.depends_on, one.notes,
        )
        for one in found
    }  # fmt: skip


def both_ways(document: Json, arn: str = F, **asked: Any) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    def ask() -> set[tuple[Any, ...]]:
        reducing._cache.clear()
        return told(exposures(parse(document), function_arn=arn, owner_account=OWNER, **asked))

    short = ask()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reducing, "plain", lambda *given: None)
        long = ask()
    reducing._cache.clear()
    return short, long


@pytest.mark.parametrize("denies", DENIES, ids=len)
@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
def test_every_shape_both_ways(shape: Json, denies: list[Json]) -> None:
    for asked in ({}, {"organization_of": {ACME: ORG, OWNER: ORG}}, {"trusted_accounts": [ACME]}):
        short, long = both_ways(policy(shape, *denies), **asked)
        assert short == long


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(permissions(), min_size=1, max_size=5))
def test_generated_permissions_both_ways(made: list[Any]) -> None:
    short, long = both_ways(policy(*(one.statement() for one in made)), str(made[0].function))
    assert short == long


def test_what_the_shortcut_read_is_joined_with_what_the_long_way_read() -> None:
    org = {"StringEquals": {"aws:PrincipalOrgID": ORG}}
    document = policy(allow("*", org, Sid="one"), allow("*", org, Sid="more", Action="lambda:*"))
    short, long = both_ways(document)
    assert short == long


def test_the_shortcut_is_taken() -> None:
    usual = parse(policy(allow(), allow(service(), {"StringEquals": {"AWS:SourceAccount": ACME}})))
    function = FunctionArn.parse(F)
    assert all(plain(statement, function, F, False) for statement in usual.statements)
