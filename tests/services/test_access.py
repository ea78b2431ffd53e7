"""Who has access: one list, everything in it, in a constant number of queries."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import Actor, Function, Grant, GrantState, Policy, Qualifier
from sharing.services import access, granting
from sharing.services.errors import NotFound, Refusal
from sharing.services.syncing import mark_unread
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db
ACME = "111122223333"


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


def rows(estate: Estate, name: str, *qualifiers: str) -> list[access.AccessRow]:
    for qualifier in ("", *qualifiers):
        estate.read(estate.policy(name, qualifier))
    return access.of_function(Function.objects.get(name=name), by=estate.by)


def row(estate: Estate, name: str, sid: str, *qualifiers: str) -> access.AccessRow:
    return next(one for one in rows(estate, name, *qualifiers) if one.sid == sid)


def test_grants_and_found_statements_stand_in_one_list_each_once(estate: Estate) -> None:
    prices = estate.policy("address-verify")
    grant = estate.shared(prices, "333344445555")
    listed = rows(estate, "address-verify")
    assert [(one.kind, one.sid) for one in listed] == [
        ("grant", grant.sid),
        ("statement", "acme-orders"),
        ("statement", "globex-addresses"),
    ]
    mine = listed[0]
    assert mine.grant == grant
    assert mine.index == 2
    assert mine.state_label == "Active"
    assert (mine.by, mine.why) == ("ann@example.com", "They need it")
    assert not mine.changed
    assert listed[1].who[0].label == "role apps/order-processor of Acme Retail"
    assert listed[1].who[0].known == estate.accounts["Acme Retail"]
    assert listed[1].version
    assert listed[1].index == 0


def test_function_alias_and_version_are_named(estate: Estate) -> None:
    function = estate.policy("stock-levels").function
    Qualifier.objects.create(function=function, kind="alias", name="live", points_to="1")
    Qualifier.objects.create(function=function, kind="version", name="1")
    listed = rows(estate, "stock-levels", "live", "1")
    assert [(one.qualifier, one.place, one.sid) for one in listed] == [
        ("live", "alias live → version 1", "initech-stock"),
        ("1", "version 1", "acme-pinned"),
    ]


def test_deny_is_shown_as_deny_and_cannot_be_revoked(estate: Estate) -> None:
    deny = row(estate, "fraud-score", "not-the-batch")
    assert deny.effect == "Deny"
    assert deny.state_label == "Denies"
    assert deny.public == deny.external == "no"
    assert "widen access" in deny.revoke_refusal


@pytest.mark.parametrize(
    ("name", "qualifier", "sid", "kind", "public", "open_service"),
    [
        ("currency-convert", "", "PublicAccess", "everyone", "yes", "no"),
        ("invoice-archive", "", "s3-invoke", "service", "no", "yes"),
        ("tax-rates", "live", "whole-organisation", "organization", "no", "no"),
        ("send-receipt", "", "receipts-worker", "ghost", "no", "no"),
        ("label-uploads", "live", "acme-uploads", "service", "no", "no"),
        ("label-uploads", "live", "acme-labels", "account", "no", "no"),
    ],
)
def test_each_statement_says_how_widely_it_opens(
    estate: Estate, name: str, qualifier: str, sid: str, kind: str, public: str, open_service: str
) -> None:
    found = row(estate, name, sid, qualifier)
    assert [who.kind for who in found.who] == [kind]
    assert (found.public, found.open_service) == (public, open_service)
    assert found.ghost == (kind == "ghost")


def test_tools_are_recognised_and_no_sid_is_shown_with_what_to_do(estate: Estate) -> None:
    origins = {one.sid: one.origin for one in rows(estate, "loyalty-points")}
    assert set(origins.values()) == {"Terraform"}
    assert row(estate, "resize-images", "images-prod-GlobexPermission-8H2M4VWZ0R6C").origin == "CloudFormation"
    nameless = row(estate, "customer-export", "")
    assert "no Sid" in nameless.revoke_refusal
    assert nameless.who[0].account == "333344445555"


def test_a_statement_with_many_principals_names_them_all(estate: Estate) -> None:
    resellers = row(estate, "price-list", "resellers", "live")
    assert [who.label for who in resellers.who] == ["Acme Retail", "Globex", "Initech"]
    assert resellers.action_class == "read"
    assert len(resellers.actions) == 2


def test_half_a_url_pair_is_latent(estate: Estate) -> None:
    assert row(estate, "partner-callback", "globex-url", "live").latent


def test_an_unread_policy_is_a_line_of_its_own_beside_what_was_known(estate: Estate) -> None:
    listed = rows(estate, "address-verify")
    assert len(listed) == 2
    policy = estate.policy("address-verify")
    mark_unread(policy, "The role may not do lambda:GetPolicy.", timezone.now())
    listed = access.of_function(policy.function, by=estate.by)
    assert [one.kind for one in listed] == ["unread", "statement", "statement"]
    assert "lambda:GetPolicy" in listed[0].problem
    assert "Not readable since" in listed[1].stale
    never = estate.policy("hello_world")
    Policy.objects.filter(pk=never.pk).update(reading="unread")
    listed = access.of_function(never.function, by=estate.by)
    assert [(one.kind, one.problem) for one in listed] == [("unread", "It has not been read yet.")]


def test_ended_grants_stay_for_a_day_and_vanished_ones_until_restored(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    grant = estate.settle(granting.revoke(estate.shared(hello), by=estate.by, reason="not needed"))
    listed = access.of_function(hello.function, by=estate.by)
    assert [(one.state, one.by, one.why) for one in listed] == [("revoked", "ann@example.com", "not needed")]
    Grant.objects.filter(pk=grant.pk).update(settled_at=timezone.now() - timedelta(days=2))
    assert access.of_function(hello.function, by=estate.by) == []
    shown = access.of_grant(grant, by=estate.by)
    assert shown
    assert shown.state == "revoked"
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.VANISHED)
    grant.refresh_from_db()
    assert [one.state for one in access.of_function(hello.function, by=estate.by)] == ["vanished"]
    again = granting.undo(grant, by=estate.by)
    assert [one.grant for one in access.of_function(hello.function, by=estate.by)] == [again]


def test_a_line_is_unsettled_until_its_check_is_answered(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    grant = estate.share(hello)
    assert [one.unsettled for one in access.of_function(hello.function, by=estate.by)] == [True]
    estate.settle(grant)
    assert [one.unsettled for one in access.of_function(hello.function, by=estate.by)] == [True]
    estate.check(grant)
    (line,) = access.of_function(hello.function, by=estate.by)
    assert (line.unsettled, line.verdict) == (False, "allowed")


def test_a_changed_statement_of_ours_shows_both(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    grant = estate.shared(hello)
    document = estate.sandbox.policy(hello.arn)
    assert document
    document["Statement"][0]["Principal"] = "*"
    estate.sandbox.put_policy(hello.arn, document)
    (line,) = rows(estate, "hello_world")
    assert line.grant == grant
    assert line.changed
    assert line.public == "yes"
    assert line.stored
    assert line.stored["Principal"] == "*"
    assert line.statement["Principal"] != "*"


def test_the_number_of_queries_does_not_grow(estate: Estate) -> None:
    def cost(name: str) -> int:
        function = Function.objects.get(name=name)
        with CaptureQueriesContext(connection) as queries:
            access.of_function(function, by=estate.by)
        return len(queries)

    small = estate.policy("address-verify")
    estate.shared(small)
    big = estate.policy("feature-flags")
    for qualifier in ("one", "two", "three"):
        Policy.objects.create(function=big.function, qualifier=qualifier, reading="unread")
    estate.read(big)
    for number in range(6):
        policy = Policy.objects.get(function=big.function, qualifier=("", "one", "two", "three")[number % 4])
        plan = granting.plan(policy=policy, who=f"{100000000000 + number}", by=estate.by)
        if plan.permission is not None and plan.second_person == "":
            Grant.objects.bulk_create([made_of(plan)])
    assert len(access.of_function(big.function, by=estate.by)) > 40
    assert cost("address-verify") == cost("feature-flags") <= 9


def made_of(plan: granting.Plan) -> Grant:
    assert plan.permission
    return Grant(
        id=plan.grant_id,
        policy=plan.policy,
        sid=plan.sid,
        action=plan.permission.action,
        principal_kind="account",
        principal=plan.permission.principal.value,
        principal_account=plan.permission.principal.value,
        permission={
            "action": plan.permission.action,
            "principal": {"kind": "account", "value": ACME, "account": ACME, "partition": "aws"},
            "source_arn": None,
            "source_account": None,
            "organization": None,
            "url_auth_type": None,
            "via_url": False,
        },
        statement=plan.statement,
        equality=plan.equality,
        reason="x",
        requested_as="x",
    )


def test_out_of_scope_is_not_found(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    stranger = Actor.of(factories.person("auditor", accounts=[]))
    with pytest.raises(NotFound):
        access.of_function(hello.function, by=stranger)
    with pytest.raises(NotFound):
        access.find_policy(hello.arn, by=stranger)


def test_an_arn_is_found_or_something_close_is_offered(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    live = estate.policy("label-uploads", "live")
    Qualifier.objects.create(function=live.function, kind="alias", name="live", points_to="3")
    assert access.find_policy(hello.arn, by=estate.by) == hello
    assert access.find_policy(live.arn, by=estate.by) == live
    for text, said in (
        ("hello_world", hello.arn),
        ("helo_world", hello.arn),
        (hello.arn.replace("hello", "helo"), hello.arn),
        (f"{live.function.arn}:prod", "Its aliases: live."),
        (f"{hello.arn}:$LATEST", hello.arn),
        ("arn:aws:s3:::bucket", ""),
        ("", ""),
    ):
        with pytest.raises(Refusal) as refused:
            access.find_policy(text, by=estate.by)
        assert refused.value.next
        assert said in refused.value.next
    version = access.find_policy(f"{hello.arn}:7", by=estate.by)
    assert (version.qualifier, version.reading) == ("7", "unread")


def test_who_can_invoke_says_what_was_not_looked_at(estate: Estate) -> None:
    for name, qualifier in (("hello_world", ""), ("currency-convert", ""), ("label-uploads", "live"), ("invoice-archive", "")):
        estate.read(estate.policy(name, qualifier))
    answer = access.who_can_invoke(by=estate.by)
    assert len(answer.functions) == 4
    assert {way.label for way in answer.ways} == {"everyone", "Acme Retail", "Amazon S3"}
    assert answer.public == 1
    assert answer.open_services == 1
    assert any("versions" in line for line in answer.coverage)
    assert any("identity policies" in line for line in answer.coverage)
    one = access.who_can_invoke(by=estate.by, function_arn=estate.policy("hello_world").arn)
    assert one.ways == ()
    assert one.coverage
    live = estate.policy("label-uploads", "live")
    assert len(access.who_can_invoke(by=estate.by, function_arn=live.arn).ways) == 3
    assert len(access.who_can_invoke(by=estate.by, function_arn=live.function.arn).ways) == 3
    mark_unread(live, "no", timezone.now())
    assert access.who_can_invoke(by=estate.by, function_arn=live.arn).unread == (live,)
