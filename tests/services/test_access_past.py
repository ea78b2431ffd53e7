"""As of a moment in the past: known, changed between two reads, unread, not there; and two moments compared."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import Account, Actor, Function, Grant, Policy
from sharing.services import access
from sharing.services.access import comparing
from sharing.services.access.comparing import Change
from sharing.services.access.lines import HEAD
from sharing.services.errors import Refusal
from sharing.services.syncing import mark_unread
from tests import factories, policies
from tests.policies import ACME, ago, read, swept

pytestmark = pytest.mark.django_db
BY = Actor.system()


@pytest.fixture
def platform() -> Account:
    made = factories.account("Platform", "444455556666")
    factories.account("Acme", ACME)
    factories.connection(made)
    for days in (20, 15, 10, 5, 1):
        swept(made, ago(days=days))
    return made


@pytest.fixture
def labels(platform: Account) -> Function:
    """Acme from day 20 on; seen so at 15; everybody instead, seen at 10."""
    made = policies.function("label-uploads", platform, since=ago(days=20))
    read(made, ago(days=20), policies.account("acme"))
    read(made, ago(days=10), policies.everyone("all"))
    return made


def who(answer: access.Answer) -> dict[str, str]:
    return {line.who: line.certainty.value for _, line in answer.every_line()}


def test_between_two_reads_of_the_same_content_it_is_known(labels: Function) -> None:
    answer = access.ask("label-uploads", by=BY, at=ago(days=17))
    assert who(answer) == {"Acme": "known"}
    assert answer.sentences[0] == "label-uploads could be invoked by Acme."
    (content,) = answer.contents
    assert content.reads.startswith("Read with this content at ")
    line = next(line for _, line in answer.every_line())
    assert not line.current
    assert line.version == content.version
    assert who(access.ask("label-uploads", by=BY, at=ago(days=7))) == {"everyone": "known"}
    assert who(access.ask(ACME, by=BY, at=ago(days=17))) == {"Acme": "known"}
    assert who(access.ask("everyone", by=BY, at=ago(days=17))) == {}
    assert who(access.ask("everyone", by=BY, at=ago(days=7))) == {"everyone": "known"}


def test_a_change_between_two_reads_tells_both_and_is_not_safe(labels: Function) -> None:
    at = ago(days=12)
    answer = access.ask("label-uploads", by=BY, at=at)
    assert who(answer) == {"Acme": "changed", "everyone": "changed"}
    assert answer.counts["changed"] == 1
    assert not answer.safe
    assert not any(line.safe for _, line in answer.every_line())
    assert "changed between two reads around that moment" in " ".join(answer.sentences)
    for text, name in ((ACME, "Acme"), ("everyone", "everyone")):
        asked = access.ask(text, by=BY, at=at)
        assert who(asked)[name] == "changed"
        assert asked.counts["changed"] == 1


def test_what_both_contents_hold_is_certain_and_told_once(platform: Account) -> None:
    made = policies.function("prices", platform, since=ago(days=20))
    read(made, ago(days=20), policies.account("acme"))
    read(made, ago(days=10), policies.account("acme"), policies.everyone("all"))
    answer = access.ask("prices", by=BY, at=ago(days=12))
    assert [(line.who, line.certainty.value) for _, line in answer.every_line()] == [("everyone", "changed"), ("Acme", "known")]


def test_before_its_first_read_it_is_unread_and_not_nobody(platform: Account) -> None:
    made = policies.function("prices", platform, since=ago(days=20))
    read(made, ago(days=10), policies.account("acme"))
    answer = access.ask("prices", by=BY, at=ago(days=17))
    assert who(answer) == {}
    assert answer.sentences[0].startswith("Whether anybody could invoke prices is not known")
    assert answer.counts["unread"] == 1
    asked = access.ask(ACME, by=BY, at=ago(days=17))
    assert asked.counts["unread"] == 1
    assert "It was first read at" in asked.unread[0].reason


def test_unreadable_since_before_the_moment_is_unread_with_the_last_known(platform: Account) -> None:
    made = policies.function("prices", platform, since=ago(days=20))
    policy = read(made, ago(days=20), policies.account("acme"))
    mark_unread(policy, "AWS denied lambda:GetPolicy.", ago(days=6))
    assert who(access.ask("prices", by=BY, at=ago(days=8))) == {"Acme": "unread"}, "no read after it, before it failed"
    assert who(access.ask("prices", by=BY, at=ago(days=12))) == {"Acme": "known"}
    answer = access.ask("prices", by=BY, at=ago(days=3))
    assert who(answer) == {"Acme": "unread"}
    assert answer.counts["unread"] == 1
    asked = access.ask(ACME, by=BY, at=ago(days=3))
    assert who(asked) == {"Acme": "unread"}
    assert asked.counts["unread"] == 1


def test_after_the_last_read_nothing_is_known_for_certain(labels: Function) -> None:
    answer = access.ask("label-uploads", by=BY, at=ago(hours=1))
    assert who(answer) == {"everyone": "unread"}
    assert "Not read again since" in answer.contents[0].note
    assert access.ask("everyone", by=BY, at=ago(hours=1)).counts["unread"] == 1


def test_a_function_that_was_not_there_yet_or_is_gone(platform: Account) -> None:
    late = policies.function("late", platform, since=ago(days=5))
    read(late, ago(days=5), policies.account("acme"))
    answer = access.ask("late", by=BY, at=ago(days=17))
    assert "It did not exist yet" in answer.sentences[0]
    assert who(answer) == {}
    assert access.ask(ACME, by=BY, at=ago(days=17)).counts["unread"] == 0
    between = access.ask("late", by=BY, at=ago(days=7))
    assert who(between) == {"Acme": "changed"}, "it appeared between the reads of day 10 and day 5"
    gone = policies.function("gone", platform, since=ago(days=20))
    read(gone, ago(days=20), policies.everyone("all"))
    Function.objects.filter(pk=gone.pk).update(vanished_at=ago(days=10))
    Policy.objects.filter(function=gone).update(vanished_at=ago(days=10))
    assert who(access.ask("gone", by=BY, at=ago(days=17))) == {"everyone": "known"}
    assert who(access.ask("everyone", by=BY, at=ago(days=17))) == {"everyone": "known"}
    assert who(access.ask("gone", by=BY, at=ago(days=12))) == {"everyone": "changed"}
    assert who(access.ask("gone", by=BY, at=ago(days=8))) == {}
    assert who(access.ask("everyone", by=BY, at=ago(days=8))) == {}
    assert "it was not there" in access.ask("gone", by=BY, at=ago(days=8)).sentences[0]


def test_todays_urls_say_nothing_about_the_past(platform: Account) -> None:
    made = policies.function("hook", platform, since=ago(days=20), urls={})
    read(made, ago(days=20), *policies.URL)
    assert all(line.latent for _, line in access.ask("hook", by=BY).every_line())
    for text in ("hook", "everyone"):
        lines = [line for _, line in access.ask(text, by=BY, at=ago(days=17)).every_line()]
        assert lines, text
        assert not any(line.latent for line in lines), text
        assert all("whether the function had a URL then" in line.depends_on for line in lines), text


def test_the_number_of_queries_does_not_grow(labels: Function, platform: Account) -> None:
    def cost(text: str, at: datetime) -> int:
        with CaptureQueriesContext(connection) as queries:
            for group in access.ask(text, by=BY, at=at).groups:
                list(group.lines[:HEAD])
        return len(queries)

    asked = [(text, at) for text in (labels.arn, ACME, "everyone") for at in (ago(days=17), ago(days=12), ago(days=7))]
    before = [cost(*one) for one in asked]
    for number in range(20):
        made = policies.function(f"more-{number}", platform, since=ago(days=20))
        read(made, ago(days=20), policies.account("acme"))
        read(made, ago(days=10), policies.everyone("all"))
    assert [cost(*one) for one in asked] == before
    assert max(before) <= 34


@pytest.mark.parametrize(
    "text", ["tomorrow", "2026-13-01", "9999-99-99", "0001-01-01T00:00:00-23:59", "\x00x", "2026", "1" * 300]
)
def test_nonsense_for_a_date_is_refused(labels: Function, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        access.moment(text, by=BY)
    assert refused.value.next
    assert refused.value.field == "as_of"


def test_a_day_means_its_end_where_the_person_is(labels: Function) -> None:
    with time_machine.travel(datetime(2026, 11, 20, 12, tzinfo=UTC)), timezone.override("Europe/Madrid"):
        factories_first = datetime(2026, 11, 1, tzinfo=UTC)
        swept(labels.account, factories_first)
        assert access.moment("2026-11-05", by=BY).at == datetime(2026, 11, 5, 22, 59, 59, tzinfo=UTC)
        assert access.moment("2026-11-05T10:00", by=BY).at == datetime(2026, 11, 5, 9, tzinfo=UTC)
        assert access.moment("2026-11-05T10:00:00Z", by=BY).at == datetime(2026, 11, 5, 10, tzinfo=UTC)
        today = access.moment("2026-11-20", by=BY)
        assert today.at is None, "today means now"
        with pytest.raises(Refusal, match="has not come yet"):
            access.moment("2026-11-21", by=BY)


def test_before_the_first_read_nobody_knows(labels: Function) -> None:
    with pytest.raises(Refusal, match="Nothing was read before") as refused:
        access.moment(f"{ago(days=40):%Y-%m-%d}", by=BY)
    assert refused.value.code == "not-read-then"


def compared(since: datetime, until: datetime | None = None) -> list[Change]:
    found = list(comparing.changed_policies(by=BY, since=since, until=until))
    return comparing.changes(found, by=BY, since=since, until=until)


def test_two_dates_say_who_gained_and_who_lost_and_that_it_happened_elsewhere(labels: Function) -> None:
    (change,) = compared(ago(days=17), ago(days=7))
    assert [line.who for line in change.gained] == ["everyone"]
    assert [line.who for line in change.lost] == ["Acme"]
    assert change.certain
    (step,) = change.steps
    assert "outside fnshare, between two reads" in step.by[0]
    assert compared(ago(days=9)) == []
    (now,) = compared(ago(days=17))
    assert [line.who for line in now.gained] == ["everyone"]


def test_wider_and_narrower_are_told_apart(platform: Account) -> None:
    made = policies.function("prices", platform, since=ago(days=20))
    inside: dict[str, Any] = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}
    read(made, ago(days=20), policies.account("acme", **inside))
    read(made, ago(days=10), policies.account("acme"))
    (change,) = compared(ago(days=17), ago(days=7))
    assert [(before.who, after.who) for before, after in change.wider] == [("Acme", "Acme")]
    read(made, ago(days=2), policies.account("acme", **inside))
    (back,) = compared(ago(days=7))
    assert [after.who for _, after in back.narrower] == ["Acme"]
    assert not back.gained
    assert not back.lost


def test_a_grant_of_ours_explains_its_statement(platform: Account) -> None:
    made = policies.function("prices", platform, since=ago(days=20))
    policy = read(made, ago(days=20))
    grant = factories.grant(made, ACME, sid="fnshare-1", requested_as="kim@example.com")
    read(made, ago(days=10), policies.account("fnshare-1"))
    (change,) = compared(ago(days=17), ago(days=7))
    assert change.steps[0].by == ("fnshare-1 was shared here by kim@example.com (“because”)",)
    Grant.objects.filter(pk=grant.pk).update(
        wanted="absent", state="revoked", revoked_as="lee@example.com", revoke_reason="done"
    )
    read(made, ago(days=2))
    (taken,) = compared(ago(days=7))
    assert taken.steps[0].by == ("fnshare-1 was taken back here by lee@example.com (“done”)",)
    assert policy.pk == taken.policy.pk


def test_what_was_unread_at_one_side_was_not_gained(platform: Account) -> None:
    made = policies.function("prices", platform, since=ago(days=20))
    read(made, ago(days=10), policies.everyone("all"))
    (change,) = compared(ago(days=17), ago(days=7))
    assert not change.gained
    assert "not read yet" in change.notes[0]


def test_comparing_costs_the_same_however_much_changed(labels: Function, platform: Account) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            compared(ago(days=17), ago(days=7))
        return len(queries)

    before = cost()
    for number in range(12):
        made = policies.function(f"more-{number}", platform, since=ago(days=20))
        read(made, ago(days=20), policies.account("acme"))
        read(made, ago(days=10), policies.everyone("all"))
    assert cost() == before <= 20


def test_a_gap_longer_than_the_comparison_is_said(labels: Function) -> None:
    at = ago(days=12)
    (change,) = compared(at, at + timedelta(days=1))
    assert not change.certain
    assert "Changed between two reads" in change.notes[0]
