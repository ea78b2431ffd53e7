"""The list of functions: search, filters, order, scope, and the same number of queries at any size."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from sharing.models import (
    Account,
    Exposure,
    Function,
    Grant,
    GrantState,
    Policy,
    Qualifier,
    QualifierKind,
    Reading,
    Role,
    Sync,
    SyncState,
)
from tests import factories

pytestmark = pytest.mark.django_db


def signed_in(client: Client, role: str = Role.ADMIN, accounts: list[Account] | None = None) -> Client:
    client.force_login(factories.person(role, accounts=accounts))
    return client


def page(client: Client, **query: str) -> str:
    response = client.get(reverse("function-list"), query)
    assert response.status_code == 200
    return response.content.decode()


def names(html: str, among: list[Function]) -> set[str]:
    return {function.name for function in among if f">{function.name}</a>" in html}


def lets_in(function: Function, *, kind: str = "account", principal: str = "222222222222", **widths: str) -> Policy:
    policy = function.policies.get(qualifier="")
    for column, value in widths.items():
        setattr(policy, column, value)
    policy.reading = Reading.PRESENT
    policy.save()
    wide = {"public": "no", "external": "no", "open_service": "no", **widths}
    Exposure.objects.create(policy=policy, kind=kind, principal=principal, action_class="invoke", **wide)
    return policy


class TestSearch:
    def test_finds_by_name_arn_description_and_by_a_pasted_arn_with_a_qualifier(self, client: Client) -> None:
        signed_in(client)
        one = factories.function("label-uploads", description="Labels pictures")
        other = factories.function("hello_world")
        both = [one, other]
        assert names(page(client, q="LABEL"), both) == {"label-uploads"}
        assert names(page(client, q="pictures labels"), both) == {"label-uploads"}
        assert names(page(client, q=one.arn), both) == {"label-uploads"}
        assert names(page(client, q=f"{one.arn}:live"), both) == {"label-uploads"}
        assert names(page(client, q=""), both) == {"label-uploads", "hello_world"}

    def test_that_finds_nothing_says_so_and_offers_the_way_back(self, client: Client) -> None:
        signed_in(client)
        factories.function("label-uploads")
        html = page(client, q="nowhere")
        assert "No function matches" in html
        assert f'href="{reverse("function-list")}"' in html

    def test_escapes_hostile_descriptions_and_searches(self, client: Client) -> None:
        signed_in(client)
        factories.function("hello_world", description="<script>alert(1)</script>")
        html = page(client, q="<script>")
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)" in html

    @pytest.mark.parametrize(
        "query",
        [
            {"region": "x" * 500},
            {"exposure": "nonsense"},
            {"sort": "password"},
            {"page": "minus one"},
            {"q": "\x00" + "x" * 5000},
            {"presence": "maybe"},
        ],
    )
    def test_ignores_what_an_address_cannot_mean(self, client: Client, query: dict[str, str]) -> None:
        signed_in(client)
        factories.function("label-uploads")
        assert client.get(reverse("function-list"), query).status_code == 200


class TestFilters:
    def test_by_account_and_region(self, client: Client) -> None:
        signed_in(client)
        one = factories.function("one", region="us-east-1")
        two = factories.function("two", region="eu-west-1")
        assert names(page(client, account=one.account.number), [one, two]) == {"one"}
        assert names(page(client, region="eu-west-1"), [one, two]) == {"two"}

    def test_count_what_depends_as_not_safe(self, client: Client) -> None:
        signed_in(client)
        sure, perhaps, shut = (factories.function(name) for name in ("sure", "perhaps", "shut"))
        lets_in(sure, kind="everyone", principal="*", public="yes", external="yes")
        lets_in(perhaps, kind="everyone", principal="*", public="depends", external="depends")
        every = [sure, perhaps, shut]
        html = page(client, exposure="public")
        assert names(html, every) == {"sure", "perhaps"}
        assert "Public, depends" in html
        assert names(page(client, exposure="external"), every) == {"sure", "perhaps"}
        assert names(page(client, exposure="nobody"), every) == {"shut"}

    def test_by_open_service_also_on_an_alias(self, client: Client) -> None:
        signed_in(client)
        function = factories.function("alarms")
        Policy.objects.create(function=function, qualifier="live", reading=Reading.PRESENT, open_service="yes")
        assert names(page(client, exposure="open-service"), [function]) == {"alarms"}

    def test_never_count_an_unread_policy_as_nobody(self, client: Client) -> None:
        signed_in(client)
        never, lately, read = (factories.function(name) for name in ("never", "lately", "read"))
        never.policies.update(reading=Reading.UNREAD)
        lately.policies.update(unread_since=timezone.now(), unread_reason="AWS denied GetPolicy.")
        every = [never, lately, read]
        assert names(page(client, exposure="unread"), every) == {"never", "lately"}
        assert names(page(client, exposure="nobody"), every) == {"read"}

    def test_say_nobody_together_with_what_was_not_looked_at(self, client: Client) -> None:
        signed_in(client)
        function = factories.function("shut")
        assert "versions not read yet" in page(client, exposure="nobody")
        Function.objects.filter(pk=function.pk).update(details_read_at=timezone.now())
        html = page(client, exposure="nobody")
        assert "versions not read yet" not in html
        assert "Nobody outside" in html

    def test_show_what_vanished_only_when_asked(self, client: Client) -> None:
        signed_in(client)
        gone = factories.function("gone", vanished_at=timezone.now())
        here = factories.function("here")
        assert names(page(client), [gone, here]) == {"here"}
        assert names(page(client, presence="vanished"), [gone, here]) == {"gone"}


class TestRows:
    def test_say_how_many_of_each_kind_are_let_in_and_what_is_under_way(self, client: Client) -> None:
        signed_in(client)
        function = factories.function("label-uploads")
        policy = lets_in(function, external="yes")
        lets_in(function, principal="333333333333", external="yes")
        lets_in(function, kind="service", principal="s3.amazonaws.com", open_service="depends")
        Qualifier.objects.create(function=function, kind=QualifierKind.ALIAS, name="live", points_to="7")
        for state in (GrantState.REQUESTED, GrantState.GRANTING):
            Grant.objects.create(
                policy=policy,
                state=state,
                sid=f"fnshare-{state}",
                action="lambda:InvokeFunction",
                principal_kind="account",
                principal="222222222222",
                statement={},
                equality=state,
                reason="because",
                requested_as="someone",
            )
        html = page(client)
        assert "2 accounts, 1 service" in html
        assert "Open service, depends" in html
        assert '<span class="chip">live</span>' in html
        assert "Waits for approval" in html
        assert "Being changed" in html

    def test_tell_the_age_of_the_last_complete_read(self, client: Client) -> None:
        signed_in(client)
        function = factories.function("label-uploads")
        assert "never" in page(client)
        hour = timezone.now() - timedelta(hours=3)
        for state, at in ((SyncState.PARTIAL, hour), (SyncState.FAILED, timezone.now())):
            Sync.objects.create(
                account=function.account, region=function.region, state=state, started_at=at, finished_at=at, requested_as="x"
            )
        assert "3 h ago" in page(client)

    def test_come_in_the_order_asked_for(self, client: Client) -> None:
        signed_in(client)
        aaa, bbb = factories.function("aaa"), factories.function("bbb")
        lets_in(bbb, kind="everyone", principal="*", public="yes")
        assert page(client).index(">aaa<") < page(client).index(">bbb<")
        for order in ("-name", "exposure"):
            html = page(client, sort=order)
            assert html.index(">bbb<") < html.index(">aaa<")
        assert aaa.name in page(client, sort="account")


class TestScope:
    def test_hides_other_accounts_their_regions_and_names(self, client: Client) -> None:
        mine = factories.function("mine", region="us-east-1")
        other = factories.function("other", factories.account("Secret project"), region="eu-west-1")
        signed_in(client, Role.AUDITOR, [mine.account])
        html = page(client)
        assert names(html, [mine, other]) == {"mine"}
        assert "eu-west-1" not in html
        assert "Secret project" not in html
        assert names(page(client, account=other.account.number), [mine, other]) == set()

    def test_empty_says_what_to_do_next_by_role(self, client: Client) -> None:
        signed_in(client, Role.OWNER, [])
        assert "No functions in your scope" in page(client)


@pytest.mark.parametrize("query", [{}, {"exposure": "nobody"}, {"sort": "exposure"}, {"q": "function"}])
def test_the_list_takes_as_many_queries_at_2000_functions_as_at_20(client: Client, query: dict[str, str]) -> None:
    signed_in(client)
    account = factories.account()
    many(account, 20)
    client.get(reverse("function-list"), query)
    with CaptureQueriesContext(
        connection,
    ) as few:
        page(client, **query)
    many(account, 1980)
    with CaptureQueriesContext(connection) as lots:
        page(client, **query)
    assert len(few) == len(lots)
    assert len(few) < 25


def many(account: Account, count: int) -> None:
    start = Function.objects.count()
    made = Function.objects.bulk_create(
        Function(account=account, region="us-east-1", name=f"function-{number:05}", arn=f"arn:function-{number:05}")
        for number in range(start, start + count)
    )
    policies = Policy.objects.bulk_create(
        Policy(function=function, qualifier=qualifier, reading=Reading.PRESENT, external="yes")
        for function in made
        for qualifier in ("", "live")
    )
    Exposure.objects.bulk_create(
        Exposure(
            policy=policy,
            kind="account",
            principal="222222222222",
            action_class="invoke",
            public="no",
            external="yes",
            open_service="no",
        )
        for policy in policies
    )
    Qualifier.objects.bulk_create(Qualifier(function=function, kind=QualifierKind.ALIAS, name="live") for function in made)
