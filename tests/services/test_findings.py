"""Findings as rows: opened, changed, closed and opened again with the policy; brought up to date with everything else."""

import json
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import (
    Account,
    Actor,
    ConnectionState,
    Event,
    Finding,
    FindingCount,
    FindingPass,
    Function,
    GrantState,
    Policy,
    Purpose,
    Trusted,
    TrustKind,
    Verdict,
)
from sharing.policy import parse
from sharing.services import trusting
from sharing.services.findings import counting, keeping, listing, refreshing, settling
from sharing.services.syncing import mark_unread, store_policy
from sharing.services.syncing.keeping import vanish_function
from tests import factories
from tests.policy.documents import STRANGER, root, service

pytestmark = pytest.mark.django_db

OPERATOR = Actor.at_shell("root")


def statement(on: Function, principal: Any, sid: str = "s", **elements: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": "lambda:InvokeFunction",
        "Resource": on.arn,
        **elements,
    }


def stored(on: Function, *statements: dict[str, Any], at: datetime | None = None) -> Policy:
    """The function's policy, as a sync keeps it."""
    policy = on.policies.select_related("function__account", "current").get(qualifier="")
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}) if statements else None
    store_policy(policy, StoredPolicy(document, "r") if document else None, read_at=at or timezone.now())
    return policy


def found(**which: Any) -> list[str]:
    return sorted(Finding.objects.filter(state="open", **which).values_list("rule", flat=True))


def refresh(**later: float) -> None:
    assert not refreshing.refresh(now=timezone.now() + timedelta(**later))


class TestWithThePolicy:
    def test_what_is_found_is_kept_in_the_transaction_that_stores_it(self) -> None:
        on = factories.function()
        stored(on, statement(on, service()))
        one = Finding.objects.get()
        assert (one.rule, one.severity, one.certain, one.sid) == ("open-service", 3, True, "s")
        assert (one.function, one.account, one.policy) == (on, on.account, on.policies.get())
        assert one.detail["who"] == [["service", "s3.amazonaws.com", ""]]

    def test_ids_stay_and_nothing_is_written_while_the_statement_stays(self) -> None:
        on = factories.function()
        stored(on, statement(on, service()))
        before = Finding.objects.get()
        stored(on, statement(on, service()), statement(on, root(on.account.number), "other"))
        after = Finding.objects.get()
        assert (after.pk, after.opened_at, after.last_seen_at) == (before.pk, before.opened_at, before.last_seen_at)

    def test_an_unchanged_document_is_not_judged_again(self) -> None:
        on = factories.function()
        stored(on, statement(on, service()))
        with mock.patch.object(keeping, "of_policy") as judged:
            stored(on, statement(on, service()))
        assert not judged.called

    def test_it_is_closed_when_a_re_read_does_not_find_it_and_opened_again_with_its_history(self) -> None:
        on = factories.function()
        stored(on, statement(on, service()))
        first = Finding.objects.get()
        stored(on)
        closed = Finding.objects.get()
        assert (closed.state, closed.closed_because) == ("closed", settling.NOT_TRUE)
        stored(on, statement(on, service()))
        again = Finding.objects.get()
        assert (again.pk, again.state, again.first_seen_at) == (first.pk, "open", first.first_seen_at)
        assert again.opened_at > first.opened_at
        assert again.closed_at is None
        verbs = list(Event.objects.filter(verb__startswith="finding.").order_by("sequence").values_list("verb", flat=True))
        assert verbs == ["finding.closed", "finding.reopened"]

    def test_another_policy_s_findings_are_left_alone(self) -> None:
        one, other = factories.function(), factories.function()
        stored(one, statement(one, service()))
        stored(other, statement(other, service()))
        stored(other)
        assert found(function=one) == ["open-service"]
        assert found(function=other) == []

    def test_names_and_trust_count_when_it_is_judged(self) -> None:
        factories.account("Partner", STRANGER)
        trusting.add("777788889999", by=OPERATOR)
        on = factories.function()
        stored(on, statement(on, root(STRANGER)), statement(on, root("777788889999"), "t"))
        assert found() == []

    def test_text_that_no_database_keeps_does_no_harm(self) -> None:
        on = factories.function()
        stored(on, statement(on, {"AWS": "x\x00y"}, "s\ud800"))
        assert "malformed" in found()

    def test_a_masked_token_is_never_in_a_finding(self) -> None:
        on = factories.function()
        stored(on, statement(on, "*", Condition={"StringEquals": {"lambda:EventSourceToken": "hush-hush"}}))
        one = Finding.objects.get(rule="public-depends")
        assert "hush-hush" not in json.dumps([one.text, one.detail])

    def test_a_newly_known_url_is_judged(self) -> None:
        on = factories.function(urls={})
        url = statement(on, "*", "u", Action="lambda:InvokeFunctionUrl")
        url["Condition"] = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
        stored(on, url)
        assert found() == ["url-idle"]
        Function.objects.filter(pk=on.pk).update(urls={"": "NONE"})
        policy = Policy.objects.select_related("function__account", "current").get(function=on)
        assert policy.current is not None
        keeping.keep_findings(policy, parse(policy.current.document), url_auth="NONE")
        assert found() == ["url-half"]


class TestTheSweep:
    def test_a_name_closes_what_was_unknown_and_touches_no_other_policy(self) -> None:
        on, other = factories.function(), factories.function()
        stored(on, statement(on, root(STRANGER)))
        stored(other, statement(other, service()))
        refresh()
        assert "unknown-account" in found()
        factories.account("Partner", STRANGER)
        with mock.patch.object(refreshing, "judge_again", wraps=refreshing.judge_again) as judged:
            refresh()
        assert [call.args[0] for call in judged.call_args_list] == [on.policies.get().pk]
        assert "unknown-account" not in found()

    def test_trust_closes_and_losing_it_opens_again(self) -> None:
        on = factories.function()
        stored(on, statement(on, root(STRANGER)))
        entry = trusting.add(STRANGER, by=OPERATOR)
        refresh()
        assert "unknown-account" not in found()
        trusting.remove(entry, by=OPERATOR)
        refresh()
        assert "unknown-account" in found()

    def test_a_trusted_organisation_has_everything_judged_anew_from_a_checkpoint_on(self) -> None:
        on = factories.function()
        stored(on, statement(on, "*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-abcdef1234"}}))
        refresh()
        assert "unknown-account" in found()
        Trusted.objects.create(kind=TrustKind.ORGANIZATION, value="o-abcdef1234", added_as="x")
        with mock.patch.object(refreshing, "_CHUNK", 1):
            assert refreshing.refresh(seconds=0)  # more is left
            assert refreshing.due(timezone.now())
        refresh()
        assert "unknown-account" not in found()

    def test_an_estate_that_was_there_before_is_judged(self) -> None:
        on = factories.function()
        stored(on, statement(on, service()))
        Finding.objects.all().delete()
        refresh()
        assert "open-service" in found()

    def test_nothing_is_judged_when_nothing_changed(self) -> None:
        on = factories.function()
        stored(on, statement(on, service()))
        refresh()
        with mock.patch.object(refreshing, "judge_again") as judged:
            refresh()
        assert not judged.called

    def test_one_at_a_time(self) -> None:
        FindingPass.objects.create(lease_until=timezone.now() + timedelta(minutes=1))
        with mock.patch.object(refreshing, "_watch") as watched:
            assert not refreshing.refresh()
        assert not watched.called
        assert not refreshing.due(timezone.now())
        assert refreshing.due(timezone.now() + timedelta(minutes=2))

    def test_unread_after_readable_never_read_and_what_was_let_in_stays_found(self) -> None:
        on, never = factories.function("readable"), factories.function("never")
        policy = stored(on, statement(on, service()))
        mark_unread(policy, "Access denied.", timezone.now())
        mark_unread(never.policies.get(), "Access denied.", timezone.now())
        Policy.objects.filter(function=never).update(current=None)
        refresh()
        assert found(function=on) == ["open-service", "unread"]
        assert found(function=never) == ["never-read"]
        unread = Finding.objects.get(rule="unread")
        assert "The 1 ways in that were seen last stay counted." in unread.text
        store_policy(policy, None, read_at=timezone.now())
        refresh()
        assert found(function=on) == []

    def test_coverage_connections_and_versions(self) -> None:
        on = factories.function("f", details_read_at=None)
        manager = factories.connection(on.account, regions=["us-east-1"], enabled_regions=["us-east-1", "eu-west-1"])
        factories.connection(factories.account(), Purpose.CHECKER, state=ConnectionState.REFUSED)
        refresh()
        assert found() == ["connection", "region-gap", "region-gap", "versions-unread"]
        manager.state = ConnectionState.PAUSED
        manager.save()
        refresh()
        assert found(account=on.account) == ["connection", "region-gap", "versions-unread"]
        manager.state = ConnectionState.DISCONNECTED
        manager.save()
        refresh()
        assert Finding.objects.get(rule="connection", account=on.account, state="open").severity == 3

    def test_shares_that_are_not_as_decided(self) -> None:
        on = factories.function()
        factories.connection(on.account)
        factories.grant(on, verdict=Verdict.DENIED)
        factories.grant(on, state=GrantState.STUCK)
        factories.grant(on, failure="Refused.", failure_code="AccessDenied")
        factories.grant(on, failure="Changed.", failure_code="statement-changed")
        vanished = factories.grant(on, state=GrantState.VANISHED, failure="Gone.")
        refresh()
        shares = ["check-denied", "revoke-failed", "share-stuck", "share-vanished", "statement-changed"]
        assert found(grant__isnull=False) == shares
        factories.grant(on, undo_of=vanished)
        refresh()
        assert "share-vanished" not in found()

    def test_what_aws_does_not_list_any_more_has_no_findings_until_it_is_back(self) -> None:
        on = factories.function()
        stored(on, statement(on, service()))
        vanish_function(on.pk, timezone.now())
        refresh()
        assert found(function=on) == []
        Function.objects.filter(pk=on.pk).update(vanished_at=None)
        Policy.objects.filter(function=on).update(vanished_at=None)
        refresh()
        assert found(function=on, rule="open-service") == ["open-service"]

    def test_the_number_of_queries_does_not_depend_on_how_much_there_is(self, django_assert_max_num_queries: Any) -> None:
        counted = []
        for more in (3, 9):
            for _ in range(more):
                factories.grant(verdict=Verdict.DENIED)
            refresh()
            with django_assert_max_num_queries(45) as queries:
                refresh()
            counted.append(len(queries))
        assert counted[0] == counted[1]


class TestCounts:
    def test_today_is_counted_again_and_other_days_stay(self) -> None:
        now = timezone.now()
        on = factories.function()
        factories.finding(on)
        factories.finding(on, severity=1, accepted_until=now + timedelta(days=1), accepted_at=now, accepted_reason="x")
        FindingCount.objects.create(day=now.date() - timedelta(days=1), severity=3, open=7)
        counting.count_today(now)
        counting.count_today(now)
        days = counting.days(OPERATOR, now=now)
        assert [(day.high, day.open, day.accepted) for day in days] == [(7, 7, 0), (1, 1, 1)]

    def test_a_person_sees_the_counts_of_their_accounts_only(self) -> None:
        now = timezone.now()
        mine, other = factories.function(), factories.function()
        factories.finding(mine)
        factories.finding(other)
        yesterday = now - timedelta(days=1)
        counting.count_today(yesterday)
        narrow = Actor.of(factories.person("auditor", accounts=[mine.account]))
        assert [day.open for day in counting.days(narrow, now=now)] == [1, 1]
        assert [day.open for day in counting.days(OPERATOR, now=now)] == [2, 2]


def test_findings_of_accounts_out_of_scope_are_not_visible() -> None:
    on = factories.function()
    factories.finding(on)
    narrow = Actor.of(factories.person("owner", accounts=[factories.account()]))
    assert not Finding.objects.visible_to(narrow).exists()
    assert Finding.objects.visible_to(Actor.of(factories.person("owner", accounts=[on.account]))).count() == 1
    assert Account.objects.count() == 2


@pytest.mark.parametrize("new", [0, 1, 2, 3, 5, 7])
def test_the_new_ones_come_first_on_whichever_page_they_end(new: int) -> None:
    now = timezone.now()
    on = factories.function()
    for number in range(7):
        days = 0 if number < new else 9
        factories.finding(on, severity=1 + number % 3, opened_at=now - timedelta(days=days, seconds=number))
    since = now - timedelta(days=1)
    rows = listing.NewFirst(Finding.objects.open(), since=since)
    expected = sorted(
        Finding.objects.all(), key=lambda one: (one.opened_at <= since, -one.severity, -one.opened_at.timestamp(), one.pk)
    )
    assert rows.count() == 7
    pages = [row for start in range(0, 7, 2) for row in rows[start : min(start + 2, 7)]]
    assert [row.pk for row in pages] == [row.pk for row in expected]


def test_groups_count_what_is_new_and_what_depends() -> None:
    now = timezone.now()
    on = factories.function()
    factories.finding(on, severity=2, opened_at=now - timedelta(days=9))
    factories.finding(on, severity=3, certain=False, opened_at=now)
    factories.finding(on, rule="ghost", cause="ghost:A", severity=4, opened_at=now - timedelta(days=9))
    grouped = listing.Grouped(Finding.objects.open(), since=now - timedelta(days=1))
    assert grouped.count() == 2
    rows = [(row["rule"], row["many"], row["worst"], row["fresh"], row["unsure"]) for row in grouped[0:50]]
    assert rows == [("open-service", 2, 3, 1, 1), ("ghost", 1, 4, 0, 0)]
    assert listing.Grouped(Finding.objects.open(), since=now, by="rule").count() == 2
