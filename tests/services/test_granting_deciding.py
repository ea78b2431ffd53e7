"""What people decide: once however often they click, by two people where it is dangerous, and undone as it was."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone

from sharing.models import Actor, Event, Function, Grant, GrantState, Policy, Role
from sharing.services import granting
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.granting import deciding
from sharing.services.granting.pausing import take_turn
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

ACME = "111122223333"


@pytest.fixture
def policy() -> Policy:
    owner = factories.account("Shop", "444455556666")
    factories.connection(owner)
    return factories.function("hello_world", owner).policies.get()


@pytest.fixture
def ann() -> Actor:
    return Actor.of(factories.person(Role.OWNER, email="ann@example.com"))


@pytest.fixture
def ben() -> Actor:
    return Actor.of(factories.person(Role.OWNER, email="ben@example.com"))


def share(policy: Policy, by: Actor, who: str = ACME, **asked: object) -> Grant:
    plan = granting.plan(policy=policy, who=who, by=by, **asked)  # type: ignore[arg-type]
    return granting.grant(plan, reason="They need it", by=by)


def ask(policy: Policy, by: Actor, days: int = 3) -> Grant:
    return share(policy, by, "everyone", ends_at=timezone.now() + timedelta(days=days))


def together(*jobs: Callable[[], object]) -> list[object]:
    """Run them at the same moment, each on its own database connection; what each returned or raised."""
    barrier = threading.Barrier(len(jobs))
    results: list[object] = [None] * len(jobs)

    def work(place: int, job: Callable[[], object]) -> None:
        barrier.wait()
        try:
            results[place] = job()
        except Exception as problem:  # noqa: BLE001  # handed to the test
            results[place] = problem
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(place, job)) for place, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db
def test_the_same_form_twice_is_one_grant(policy: Policy, ann: Actor) -> None:
    first = share(policy, ann, form_token="form")
    assert share(policy, ann, form_token="form") == first
    assert Grant.objects.count() == 1
    assert Event.objects.filter(verb="grant.decided").count() == 1


@pytest.mark.django_db
def test_a_form_filled_in_anew_after_back_is_not_taken_for_the_old_one(policy: Policy, ann: Actor) -> None:
    share(policy, ann, form_token="form")
    with pytest.raises(Refusal) as refused:
        share(policy, ann, "222233334444", form_token="form")
    assert refused.value.code == "stale"
    assert Grant.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_double_click_is_one_grant(policy: Policy, ann: Actor) -> None:
    plans = [granting.plan(policy=policy, who=ACME, by=ann, form_token="form") for _ in range(4)]
    made = together(*(lambda plan=plan: granting.grant(plan, reason="x", by=ann) for plan in plans))
    assert Grant.objects.count() == 1
    assert made == [Grant.objects.get()] * 4


@pytest.mark.django_db
def test_the_second_click_gives_the_first_grant_though_its_end_was_counted_a_moment_later(
    monkeypatch: pytest.MonkeyPatch, policy: Policy, ann: Actor
) -> None:
    end = timezone.now() + timedelta(days=9)
    first, second = (
        granting.plan(policy=policy, who=ACME, by=ann, form_token="form", ends_at=end + timedelta(seconds=late))
        for late in (0, 1)
    )
    made: list[Grant] = []

    def waits_for_its_turn(number: str) -> None:
        monkeypatch.setattr(deciding, "take_turn", take_turn)
        made.append(granting.grant(first, reason="x", by=ann))
        take_turn(number)

    monkeypatch.setattr(deciding, "take_turn", waits_for_its_turn)
    assert granting.grant(second, reason="x", by=ann) == made[0]


@pytest.mark.django_db(transaction=True)
def test_two_people_sharing_the_same_at_once_make_one_grant(policy: Policy, ann: Actor, ben: Actor) -> None:
    end = timezone.now() + timedelta(days=9)
    plans = [(granting.plan(policy=policy, who=ACME, by=by, ends_at=end), by) for by in (ann, ben)]
    made = together(*(lambda plan=plan, by=by: granting.grant(plan, reason="x", by=by) for plan, by in plans))
    assert Grant.objects.count() == 1
    assert made == [Grant.objects.get()] * 2


@pytest.mark.django_db(transaction=True)
def test_two_people_taking_the_same_sid_at_once(policy: Policy, ann: Actor, ben: Actor) -> None:
    plans = [(granting.plan(policy=policy, who=who, by=by, sid="same"), by) for who, by in ((ACME, ann), ("222233334444", ben))]
    made = together(*(lambda plan=plan, by=by: granting.grant(plan, reason="x", by=by) for plan, by in plans))
    assert Grant.objects.count() == 1
    refused = [one for one in made if isinstance(one, Refusal)]
    assert len(refused) == 1
    assert refused[0].field == "sid"


@pytest.mark.django_db
def test_a_reason_is_needed_and_has_a_length(policy: Policy, ann: Actor) -> None:
    plan = granting.plan(policy=policy, who=ACME, by=ann)
    for reason in ("", "   ", "x" * 501):
        with pytest.raises(Refusal) as refused:
            granting.grant(plan, reason=reason, by=ann)
        assert refused.value.field == "reason"
    assert not Grant.objects.exists()


@pytest.mark.django_db
def test_nobody_approves_their_own(policy: Policy, ann: Actor, ben: Actor) -> None:
    grant = ask(policy, ann)
    with pytest.raises(NotPermitted):
        granting.approve(grant, digest=granting.approval_digest(grant), by=ann)
    granting.approve(grant, digest=granting.approval_digest(grant), by=ben)
    grant.refresh_from_db()
    assert (grant.state, grant.approved_by) == (GrantState.PENDING, ben.person)


@pytest.mark.django_db
def test_a_shell_never_approves_claimed_or_not(policy: Policy, ann: Actor, ben: Actor) -> None:
    grant = ask(policy, ann)
    for actor in (Actor.at_shell("root"), Actor.at_shell("root", claimed=ben.person), Actor.system()):
        with pytest.raises(NotPermitted):
            granting.approve(grant, digest=granting.approval_digest(grant), by=actor)


@pytest.mark.django_db
def test_an_approval_is_for_exactly_what_was_shown(policy: Policy, ann: Actor, ben: Actor) -> None:
    grant = ask(policy, ann)
    shown = granting.approval_digest(grant)
    Grant.objects.filter(pk=grant.pk).update(ends_at=timezone.now() + timedelta(days=30))
    with pytest.raises(Refusal) as refused:
        granting.approve(grant, digest=shown, by=ben)
    assert refused.value.code == "stale"
    grant.refresh_from_db()
    assert grant.state == GrantState.REQUESTED


@pytest.mark.django_db
def test_who_may_approve(policy: Policy, ann: Actor) -> None:
    grant = ask(policy, ann)
    digest = granting.approval_digest(grant)
    with pytest.raises(NotPermitted):
        granting.approve(grant, digest=digest, by=Actor.of(factories.person(Role.AUDITOR)))
    with pytest.raises(NotFound):
        granting.approve(grant, digest=digest, by=Actor.of(factories.person(Role.OWNER, accounts=[])))


@pytest.mark.django_db
def test_declining_ends_a_request_with_the_reason(policy: Policy, ann: Actor, ben: Actor) -> None:
    grant = granting.decline(ask(policy, ann), reason="Too wide", by=ben)
    assert grant.state == GrantState.FAILED
    assert "Too wide" in grant.failure
    with pytest.raises(Refusal):
        granting.approve(grant, digest=granting.approval_digest(grant), by=ben)
    assert list(granting.due(timezone.now())) == []


@pytest.mark.django_db
def test_revoking_a_request_withdraws_it(policy: Policy, ann: Actor) -> None:
    grant = granting.revoke(ask(policy, ann), by=ann)
    assert grant.state == GrantState.FAILED
    assert "Withdrawn" in grant.failure


@pytest.mark.django_db
def test_revoking_twice_changes_nothing_the_second_time(policy: Policy, ann: Actor, ben: Actor) -> None:
    grant = granting.revoke(share(policy, ann), by=ann)
    again = granting.revoke(grant, by=ben)
    assert again.revoked_by == ann.person
    assert Event.objects.filter(verb="grant.revoke-asked").count() == 1


@pytest.mark.django_db
def test_auditors_and_strangers_decide_nothing(policy: Policy, ann: Actor) -> None:
    grant = share(policy, ann)
    auditor, stranger = Actor.of(factories.person(Role.AUDITOR)), Actor.of(factories.person(Role.OWNER, accounts=[]))
    acts: tuple[Callable[[Actor], object], ...] = (
        lambda by: granting.revoke(grant, by=by),
        lambda by: granting.extend(grant, ends_at=None, by=by),
        lambda by: granting.decline(grant, reason="x", by=by),
        lambda by: granting.undo(grant, by=by),
    )
    for act in acts:
        with pytest.raises(NotPermitted):
            act(auditor)
        with pytest.raises(NotFound):
            act(stranger)


def active(grant: Grant) -> Grant:
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.ACTIVE, settled_at=timezone.now())
    grant.refresh_from_db()
    return grant


@pytest.mark.django_db
def test_an_end_date_is_moved_here_only(policy: Policy, ann: Actor) -> None:
    grant = active(share(policy, ann, ends_at=timezone.now() + timedelta(days=3)))
    end = timezone.now() + timedelta(days=30)
    granting.extend(grant, ends_at=end, by=ann)
    grant.refresh_from_db()
    assert (grant.state, grant.ends_at) == (GrantState.ACTIVE, end)
    assert Event.objects.filter(verb="grant.extended").count() == 1
    with pytest.raises(Refusal):
        granting.extend(grant, ends_at=timezone.now() - timedelta(days=1), by=ann)
    granting.extend(grant, ends_at=None, by=ann)
    grant.refresh_from_db()
    assert grant.ends_at is None


@pytest.mark.django_db
def test_a_longer_end_of_a_dangerous_grant_needs_a_second_person_again(policy: Policy, ann: Actor, ben: Actor) -> None:
    grant = ask(policy, ann)
    granting.approve(grant, digest=granting.approval_digest(grant), by=ben)
    grant = active(grant)
    before, later = grant.ends_at, timezone.now() + timedelta(days=60)
    old_digest = granting.approval_digest(grant)
    grant = granting.extend(grant, ends_at=later, by=ben)
    grant.refresh_from_db()
    assert grant.ends_at == before
    assert grant.extension
    with pytest.raises(NotPermitted):
        granting.approve(grant, digest=granting.approval_digest(grant), by=ben)
    with pytest.raises(Refusal):
        granting.approve(grant, digest=old_digest, by=ann)
    granting.approve(grant, digest=granting.approval_digest(grant), by=ann)
    grant.refresh_from_db()
    assert grant.ends_at == later
    assert grant.extension is None
    sooner = timezone.now() + timedelta(days=1)
    granting.extend(grant, ends_at=sooner, by=ben)
    grant.refresh_from_db()
    assert grant.ends_at == sooner, "a shorter end narrows: it takes effect at once"


@pytest.mark.django_db
def test_a_grant_to_everyone_never_loses_its_end(policy: Policy, ann: Actor, ben: Actor) -> None:
    grant = ask(policy, ann)
    granting.approve(grant, digest=granting.approval_digest(grant), by=ben)
    with pytest.raises(Refusal) as refused:
        granting.extend(active(grant), ends_at=None, by=ann)
    assert refused.value.field == "ends_at"


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


@pytest.mark.django_db
def test_undo_writes_the_same_statement_again(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    grant = estate.shared(hello, ends_at=timezone.now() + timedelta(days=5))
    before = estate.held(hello)
    gone = estate.settle(granting.revoke(grant, by=estate.by))
    assert estate.held(hello) == []
    again = granting.undo(gone, by=estate.by, form_token="undo")
    assert granting.undo(gone, by=estate.by, form_token="undo") == again
    again = estate.settle(again)
    assert again.state == GrantState.ACTIVE
    assert again.undo_of == gone
    assert (again.sid, again.ends_at) == (gone.sid, gone.ends_at)
    assert estate.held(hello) == before
    with pytest.raises(Refusal) as refused:
        granting.undo(gone, by=estate.by)
    assert "already" in refused.value.message


@pytest.mark.django_db
def test_undoing_for_a_role_asks_since_its_name_may_be_another_now(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    gone = estate.settle(granting.revoke(estate.shared(hello, "arn:aws:iam::222233334444:role/billing-batch"), by=estate.by))
    with pytest.raises(Refusal) as refused:
        granting.undo(gone, by=estate.by)
    assert refused.value.code == "confirm-role"
    assert estate.settle(granting.undo(gone, by=estate.by, confirm_role=True)).state == GrantState.ACTIVE


@pytest.mark.django_db
def test_undoing_with_a_token_asks_for_it_again(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    gone = estate.settle(
        granting.revoke(estate.shared(hello, "alexa-appkit.amazon.com", event_source_token="amzn1.ask.skill.1"), by=estate.by)
    )
    with pytest.raises(Refusal) as refused:
        granting.undo(gone, by=estate.by)
    assert refused.value.code == "token-needed"
    again = estate.settle(granting.undo(gone, by=estate.by, event_source_token="amzn1.ask.skill.1"))
    assert again.state == GrantState.ACTIVE
    assert estate.held(hello)[0]["Condition"]["StringEquals"]["lambda:EventSourceToken"] == "amzn1.ask.skill.1"


@pytest.mark.django_db
def test_undoing_what_ended_needs_a_new_end_and_a_dangerous_one_a_second_person(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    grant = estate.shared(hello, ends_at=timezone.now() + timedelta(hours=1))
    Grant.objects.filter(pk=grant.pk).update(ends_at=timezone.now())
    ended = estate.settle(grant)
    assert ended.state == GrantState.EXPIRED
    with pytest.raises(Refusal) as refused:
        granting.undo(ended, by=estate.by)
    assert refused.value.field == "ends_at"
    end = timezone.now() + timedelta(days=1)
    assert granting.undo(ended, by=estate.by, ends_at=end).state == GrantState.PENDING


@pytest.mark.django_db
def test_a_statement_made_elsewhere_is_adopted_removed_and_written_back(estate: Estate) -> None:
    labels = estate.policy("label-uploads", "live")
    estate.settle(estate.share(labels, "666677778888"))  # reads the policy
    labels.refresh_from_db()
    assert labels.current is not None
    before = estate.held(labels)
    told = granting.consequences_of_statement(labels, index=0, version_pk=labels.current.pk, by=estate.by)
    assert told.writable
    assert told.sid == "acme-labels"
    grant = granting.revoke_statement(labels, index=0, version_pk=labels.current.pk, by=estate.by, reason="clean up")
    assert grant.adopted
    assert granting.revoke_statement(labels, index=0, version_pk=labels.current.pk, by=estate.by) == grant
    grant = estate.settle(grant)
    assert grant.state == GrantState.REVOKED
    assert estate.sids(labels) == [one["Sid"] for one in before[1:]]
    again = estate.settle(granting.undo(grant, by=estate.by))
    assert again.state == GrantState.ACTIVE
    assert before[0] in estate.held(labels)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "qualifier", "index", "said"),
    [
        ("fraud-score", "", 1, "widen access"),
        ("customer-export", "", 0, "no Sid"),
    ],
)
def test_what_is_never_removed_here_is_refused_with_the_reason(
    estate: Estate, name: str, qualifier: str, index: int, said: str
) -> None:
    policy = estate.policy(name, qualifier)
    estate.settle(estate.share(policy, "666677778888"))
    policy.refresh_from_db()
    assert policy.current is not None
    before = estate.held(policy)
    told = granting.consequences_of_statement(policy, index=index, version_pk=policy.current.pk, by=estate.by)
    assert told.refusal
    assert said in told.refusal.message
    with pytest.raises(Refusal) as refused:
        granting.revoke_statement(policy, index=index, version_pk=policy.current.pk, by=estate.by)
    assert said in refused.value.message
    assert refused.value.next
    assert estate.held(policy) == before


@pytest.mark.django_db
def test_a_statement_that_add_permission_cannot_write_is_said_before_and_not_undone(estate: Estate) -> None:
    prices = estate.policy("price-list", "live")
    estate.settle(estate.share(prices, "666677778888"))
    prices.refresh_from_db()
    assert prices.current is not None
    told = granting.consequences_of_statement(prices, index=0, version_pk=prices.current.pk, by=estate.by)
    assert not told.writable
    assert "several" in told.why_not
    assert [warning.code for warning in told.warnings] == ["several-principals", "several-actions", "not-writable"]
    grant = estate.settle(granting.revoke_statement(prices, index=0, version_pk=prices.current.pk, by=estate.by))
    assert grant.state == GrantState.REVOKED
    with pytest.raises(Refusal) as refused:
        granting.undo(grant, by=estate.by)
    assert refused.value.code == "not-writable"


@pytest.mark.django_db
def test_a_stale_page_revokes_the_same_statement_or_nothing(estate: Estate) -> None:
    labels = estate.policy("label-uploads", "live")
    estate.settle(estate.share(labels, "666677778888"))
    labels.refresh_from_db()
    seen = labels.current
    assert seen is not None
    estate.settle(estate.share(labels, "333344445555"))
    labels.refresh_from_db()
    assert labels.current != seen
    grant = granting.revoke_statement(labels, index=1, version_pk=seen.pk, by=estate.by)
    assert grant.sid == "acme-uploads"
    estate.settle(grant)
    labels.refresh_from_db()
    with pytest.raises(Refusal) as refused:
        granting.revoke_statement(labels, index=1, version_pk=seen.pk, by=estate.by)
    assert refused.value.code == "stale"


@pytest.mark.django_db
def test_a_statement_of_ours_changed_by_another_tool_is_revoked_only_after_telling(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    grant = estate.shared(hello)
    document = estate.sandbox.policy(hello.arn)
    assert document is not None
    document["Statement"][0]["Principal"] = {"AWS": "arn:aws:iam::222233334444:root"}
    estate.sandbox.put_policy(hello.arn, document)
    grant = estate.settle(granting.revoke(grant, by=estate.by))
    assert grant.state == GrantState.ACTIVE
    assert "Another tool changed" in grant.failure
    assert len(estate.held(hello)) == 1
    told = granting.consequences(grant, by=estate.by)
    assert told.changed
    assert told.stored != told.ours
    with pytest.raises(Refusal) as refused:
        granting.revoke(grant, by=estate.by)
    assert refused.value.code == "changed"
    grant = estate.settle(granting.revoke(grant, by=estate.by, anyway=True))
    assert grant.state == GrantState.REVOKED
    assert estate.held(hello) == []


@pytest.mark.django_db
def test_a_function_made_again_is_restored_all_at_once_with_an_outcome_for_each(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    kept = [
        estate.shared(hello),
        estate.shared(hello, "arn:aws:iam::222233334444:role/billing-batch"),
        estate.shared(hello, "333344445555", ends_at=timezone.now() + timedelta(hours=1)),
    ]
    before = estate.held(hello)
    estate.sandbox.delete_function(hello.arn)
    estate.sandbox.add_function(estate.owner.number, "us-east-1", "hello_world")
    estate.read(hello)
    assert {one.state for one in Grant.objects.all()} == {GrantState.VANISHED}
    Grant.objects.filter(pk=kept[2].pk).update(ends_at=timezone.now())
    shown = granting.vanished_together(Function.objects.get(), by=estate.by)
    assert [one.possible for one in shown] == [True, True, False]
    assert [one.role_may_be_another for one in shown] == [False, True, False]
    outcomes = granting.restore([one.grant for one in shown], by=estate.by, form_token="again", confirm_roles=True)
    assert [bool(one.grant) for one in outcomes] == [True, True, False]
    assert outcomes[2].failure
    assert outcomes[2].next
    for one in outcomes[:2]:
        assert one.grant
        assert estate.settle(one.grant).state == GrantState.ACTIVE
    assert estate.held(hello) == before[:2]
    left = granting.vanished_together(Function.objects.get(), by=estate.by)
    assert [one.grant for one in left] == [kept[2]]


@pytest.mark.django_db
def test_a_request_that_nobody_approved_in_time_is_over(policy: Policy, ann: Actor) -> None:
    grant = ask(policy, ann)
    assert list(granting.due(timezone.now())) == []
    Grant.objects.filter(pk=grant.pk).update(ends_at=timezone.now())
    assert list(granting.due(timezone.now())) == [grant]
    granting.reconcile(grant.pk)
    grant.refresh_from_db()
    assert grant.state == GrantState.FAILED
    assert "approved" in grant.failure


@pytest.mark.django_db
def test_the_token_kept_until_aws_holds_it_is_dropped_when_it_fails_too(estate: Estate) -> None:
    hello = estate.policy("hello_world")
    grant = estate.share(hello, "alexa-appkit.amazon.com", event_source_token="secret-token")
    estate.sandbox.faults.add("AddPermission", "before", "error", "AccessDeniedException", 403, "secret-token refused")
    grant = estate.settle(grant)
    assert grant.state == GrantState.FAILED
    assert grant.event_source_token == ""
    assert "secret-token" not in grant.failure
