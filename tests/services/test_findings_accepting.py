"""Bearing a risk: who may, for how long, and when it comes back."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, Event, Finding, Function, User
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.findings import accepting, refreshing
from tests import factories
from tests.policy.documents import service
from tests.services.test_findings import statement, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def on() -> Function:
    made = factories.function("invoice")
    stored(made, statement(made, service(), "wide"))
    return made


@pytest.fixture
def ann() -> User:
    return factories.person("owner", email="ann@example.com")


@pytest.fixture
def ben() -> User:
    return factories.person("owner", email="ben@example.com", name="Ben")


def accept(finding: Finding, by: User, owner: User | None, **given: Any) -> Finding:
    given = {"reason": "Batch job until the move", "until": timezone.now() + timedelta(days=30), **given}
    return accepting.accept(finding, owner=owner, by=Actor.of(by), **given)


def verbs() -> list[str]:
    return list(Event.objects.filter(verb__startswith="finding.").order_by("sequence").values_list("verb", flat=True))


def test_an_accepted_finding_does_not_count_until_its_date_has_passed(on: Function, ann: User, ben: User) -> None:
    one = accept(Finding.objects.get(), ann, ben)
    assert (one.status, one.owner, one.accepted_by) == ("accepted", ben, ann)
    assert not Finding.objects.open().exists()
    assert Finding.objects.not_safe().exists()
    refreshing.refresh(now=timezone.now() + timedelta(days=31))
    one.refresh_from_db()
    assert (one.status, one.accepted_until, one.accepted_reason) == ("open", None, "")
    assert verbs() == ["finding.accepted", "finding.returned"]
    accepted = Event.objects.get(verb="finding.accepted")
    assert (accepted.person, accepted.reason, accepted.function) == (ann, "Batch job until the move", on)
    assert accepted.detail["finding"] == str(one.pk)


def test_it_counts_again_the_moment_its_date_passes_even_before_the_sweep(on: Function, ann: User, ben: User) -> None:
    accept(Finding.objects.get(), ann, ben)
    assert Finding.objects.open(timezone.now() + timedelta(days=31)).exists()


def test_it_returns_when_the_statement_changes(on: Function, ann: User, ben: User) -> None:
    before = accept(Finding.objects.get(), ann, ben)
    stored(on, statement(on, service(), "wide", Action="lambda:*"))
    after = Finding.objects.open().filter(rule="open-service").get()
    assert after.pk != before.pk
    before.refresh_from_db()
    assert (before.state, before.accepted_until) == ("closed", None)
    returned = Event.objects.get(verb="finding.returned")
    assert returned.detail == {"finding": str(after.pk), "rule": "open-service", "before": str(before.pk)}


def test_it_returns_when_who_is_let_in_changes_though_the_statement_does_not(ann: User, ben: User) -> None:
    on = factories.function()
    deny = {**statement(on, "*", "keep-out"), "Effect": "Deny", "Condition": {"StringEquals": {"aws:Unheard": "x"}}}
    wide = statement(on, "*", "wide")
    stored(on, wide, deny)
    one = accept(Finding.objects.get(rule="public-depends"), ann, ben)
    stored(on, wide)
    one.refresh_from_db()
    assert one.state == "closed"  # certain now: another rule says so, and nobody accepted that
    assert list(Finding.objects.open().values_list("rule", flat=True)) == ["public"]


def test_it_stays_accepted_when_another_statement_changes(on: Function, ann: User, ben: User) -> None:
    one = accept(Finding.objects.get(), ann, ben)
    stored(on, statement(on, service(), "wide"), statement(on, service("sns"), "other"))
    one.refresh_from_db()
    assert one.status == "accepted"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"until": None}, "until"),
        ({"until": timezone.now() - timedelta(days=1)}, "until"),
        ({"until": timezone.now() + timedelta(days=368)}, "until"),
    ],
)
def test_reason_and_date_are_required_and_a_year_is_the_most(
    on: Function, ann: User, ben: User, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        accept(Finding.objects.get(), ann, ben, **given)
    assert refused.value.field == field
    assert verbs() == []


def test_somebody_who_sees_the_account_has_to_bear_it(on: Function, ann: User) -> None:
    stranger = factories.person("owner", accounts=[factories.account()])
    gone = factories.person("owner", is_active=False)
    for owner in (None, stranger, gone):
        with pytest.raises(Refusal) as refused:
            accept(Finding.objects.get(), ann, owner)
        assert refused.value.field == "owner"


def test_never_by_an_auditor_an_operator_or_out_of_scope(on: Function, ben: User) -> None:
    one = Finding.objects.get()
    until = timezone.now() + timedelta(days=1)
    for by in (Actor.of(factories.person("auditor")), Actor.at_shell("root"), Actor.at_shell("root", ben)):
        with pytest.raises(NotPermitted):
            accepting.accept(one, reason="x", owner=ben, until=until, by=by)
        with pytest.raises(NotPermitted):
            accepting.withdraw(one, by=by)
        with pytest.raises(NotPermitted):
            accepting.assign([one.pk], ben, by=by)
    narrow = factories.person("owner", accounts=[factories.account()])
    with pytest.raises(NotFound):
        accept(one, narrow, ben)
    with pytest.raises(NotFound):
        accepting.withdraw(one, by=Actor.of(narrow))


@pytest.mark.parametrize("part", ["requested_by", "approved_by"])
def test_never_by_who_asked_for_the_share_or_approved_it(on: Function, ann: User, ben: User, part: str) -> None:
    factories.grant(on, sid="wide", **{part: ann})  # type: ignore[arg-type]  # the names are fields
    with pytest.raises(NotPermitted):
        accept(Finding.objects.get(), ann, ben)
    assert accept(Finding.objects.get(), ben, ann).status == "accepted"  # who granted it may bear it, not decide it


def test_who_adopted_a_statement_to_remove_it_did_not_grant_it(on: Function, ann: User, ben: User) -> None:
    factories.grant(on, sid="wide", requested_by=ann, adopted=True)
    assert accept(Finding.objects.get(), ann, ben).status == "accepted"


def test_a_baseline_is_accepted_at_once_but_for_one_s_own_shares(ann: User, ben: User) -> None:
    functions = [factories.function() for _ in range(4)]
    for made in functions:
        stored(made, statement(made, service(), "wide"))
    factories.grant(functions[0], sid="wide", requested_by=ann)
    keys = list(Finding.objects.values_list("pk", flat=True))
    done = accepting.accept_many(
        keys, reason="Baseline", owner=ben, until=timezone.now() + timedelta(days=90), by=Actor.of(ann)
    )
    assert (done.done, done.own) == (3, 1)
    assert Finding.objects.open().get().function == functions[0]
    assert verbs().count("finding.accepted") == 3


def test_an_acceptance_can_be_withdrawn_and_twice_is_once(on: Function, ann: User, ben: User) -> None:
    one = accept(Finding.objects.get(), ann, ben)
    for _ in range(2):
        accepting.withdraw(one, by=Actor.of(ben), reason="Changed my mind")
    one.refresh_from_db()
    assert (one.status, one.owner) == ("open", ben)
    assert verbs() == ["finding.accepted", "finding.returned"]


def test_a_closed_finding_is_not_accepted(on: Function, ann: User, ben: User) -> None:
    stored(on)
    with pytest.raises(Refusal, match="closed"):
        accept(Finding.objects.get(), ann, ben)


def test_an_owner_is_given_and_taken_away_but_not_from_an_accepted_risk(on: Function, ann: User, ben: User) -> None:
    one = Finding.objects.get()
    by = Actor.of(ann)
    assert accepting.assign([one.pk], ben, by=by) == 1
    assert accepting.assign([one.pk], ben, by=by) == 0
    assert accepting.assign([one.pk], None, by=by) == 1
    accept(one, ann, ben)
    with pytest.raises(Refusal):
        accepting.assign([one.pk], None, by=by)


def test_the_database_holds_that_acceptance_has_a_reason() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.finding(accepted_until=timezone.now())


def test_those_who_may_bear_it_see_every_account_that_it_is_about(on: Function) -> None:
    other = factories.function()
    stored(other, statement(other, service()))
    everywhere = factories.person("auditor")
    both = factories.person("owner", accounts=[on.account, other.account])
    factories.person("owner", accounts=[on.account, factories.account()])
    factories.person("owner", is_active=False)
    factories.person("owner", accounts=[])
    assert set(accepting.may_bear(list(Finding.objects.all()))) == {everywhere, both}
    assert set(accepting.may_bear([Finding(account=None)])) == {everywhere}
