"""After a restored backup: AWS is the truth, and what waited before the backup is not written by itself."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import (
    Actor,
    BulkState,
    Event,
    Grant,
    GrantState,
    Invocation,
    Offboarding,
    Policy,
    Proof,
    Reading,
    Role,
    Sync,
    SyncState,
)
from sharing.services import bulk as bulks
from sharing.services import granting, inviting, offboarding
from sharing.services.errors import NotPermitted
from sharing.services.operating import restored, restoring
from sharing.services.syncing import store_policy
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

OPERATOR = Actor.at_shell("ops")


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


def test_what_waited_to_be_granted_is_looked_for_and_not_written(estate: Estate) -> None:
    policy = estate.policy("hello_world")
    grant = estate.share(policy)
    restoring.after_restore(by=OPERATOR)
    grant = estate.settle(grant)
    assert (grant.state, grant.failure_code) == (GrantState.FAILED, restored.CODE)
    assert estate.sids(policy) == []
    assert estate.settle(estate.share(policy)).state == GrantState.ACTIVE, "what is asked for now is written as ever"


def test_what_was_granted_after_the_backup_is_found_in_aws(estate: Estate) -> None:
    policy = estate.policy("hello_world")
    grant = estate.shared(policy)
    before = {"state": GrantState.GRANTING, "unsettled_since": timezone.now() - timedelta(hours=3), "settled_at": None}
    Grant.objects.filter(pk=grant.pk).update(**before)
    restoring.after_restore(by=OPERATOR)
    assert estate.settle(grant).state == GrantState.ACTIVE
    assert estate.sids(policy) == [grant.sid]


def test_what_waited_to_be_taken_back_still_is(estate: Estate) -> None:
    policy = estate.policy("hello_world")
    grant = granting.revoke(estate.shared(policy), by=estate.by, reason="done")
    found = restoring.after_restore(by=OPERATOR)
    assert (found.wanted, found.unwanted) == (0, 1)
    assert estate.settle(grant).state == GrantState.REVOKED
    assert estate.sids(policy) == []


def test_every_policy_is_unread_until_it_is_read_again_and_keeps_its_last_content() -> None:
    on = factories.function()
    policy = on.policies.get()
    statement = {"Sid": "a", "Effect": "Deny", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": on.arn}
    read = StoredPolicy(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), "1")
    store_policy(policy, read, read_at=timezone.now())
    policy.refresh_from_db()
    assert policy.reading == Reading.PRESENT
    content = policy.current
    assert restoring.after_restore(by=OPERATOR).policies == 1
    policy.refresh_from_db()
    assert (policy.reading, policy.current, policy.unread_reason) == (Reading.UNREAD, content, restoring.UNREAD_REASON)
    store_policy(policy, read, read_at=timezone.now())
    policy.refresh_from_db()
    assert (policy.reading, policy.current, policy.unread_since) == (Reading.PRESENT, content, None)


def test_reads_that_were_under_way_are_over_so_that_new_ones_can_begin() -> None:
    account = factories.account()
    Sync.objects.create(account=account, region="us-east-1", state=SyncState.RUNNING, requested_as="x")
    restoring.after_restore(by=OPERATOR)
    assert not Sync.objects.open().exists()
    Sync.objects.create(account=account, region="us-east-1", requested_as="x")


def test_test_invokes_that_waited_are_not_made() -> None:
    on = factories.shareable()
    invoker = factories.connection(on.account, "invoker")
    ann = factories.person("owner")
    waiting = Invocation.objects.create(policy=on.policies.get(), connection=invoker, person=ann)
    assert restoring.after_restore(by=OPERATOR).invocations == 1
    waiting.refresh_from_db()
    assert not waiting.is_unsettled


@pytest.mark.usefixtures("unpaced")
def test_a_bulk_that_ran_is_paused_until_somebody_resumes_it(estate: Estate) -> None:
    policy = estate.policy("hello_world")
    estate.read(policy)
    factories.account("Acme", "700000000000")
    lines = bulks.from_picks(["hello_world"], ["700000000000"], action="lambda:InvokeFunction", ends_at=None, reason="x")
    bulk = bulks.draft(lines, title="One", reason="They need it", by=estate.by)
    bulk = bulks.confirm(bulk, by=estate.by, judged_at=bulk.judged_at)
    assert restoring.after_restore(by=OPERATOR).bulks == 1
    bulks.work(bulk.pk)
    bulk.refresh_from_db()
    assert (bulk.state, estate.sids(policy)) == (BulkState.PAUSED, [])
    assert Event.objects.filter(verb="bulk.paused", actor="operator ops").count() == 1
    assert restoring.after_restore(by=OPERATOR).bulks == 0
    bulks.resume(bulk, by=estate.by)
    bulks.work(bulk.pk)
    assert len(estate.sids(policy)) == 1


def test_an_undo_of_an_offboarding_gives_nothing_back_any_more() -> None:
    by = Actor.of(factories.person(Role.ADMIN))
    account = factories.account("Acme")
    grant = factories.grant(factories.shareable(), account.number)
    made = offboarding.start(
        account.number,
        typed=account.number,
        seen=offboarding.preview(account.number, by=by).mark,
        reason="They left",
        form_token="one",
        by=by,
    )
    offboarding.run(made.pk)
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.REVOKED, unsettled_since=None, settled_at=timezone.now())
    offboarding.undo(made, roles=True, by=by)
    assert restoring.after_restore(by=OPERATOR).not_given == 1
    offboarding.run(made.pk)
    [item] = made.items.all()
    assert (item.state, item.failure, item.again) == ("lost", restored.WAITED, None)
    assert Grant.objects.count() == 1


def test_what_was_suspended_until_a_day_is_resumed_by_hand_only() -> None:
    by = Actor.of(factories.person(Role.ADMIN))
    account, day = factories.account("Acme"), timezone.now() + timedelta(days=1)
    policy = factories.shareable().policies.get()
    grant = granting.grant(granting.plan(policy=policy, who=account.number, by=by), reason="They need it", by=by)
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.ACTIVE, unsettled_since=None)
    seen = offboarding.preview(account.number, by=by, suspends=True).mark
    made = offboarding.start(
        account.number,
        typed=account.number,
        seen=seen,
        reason="An incident",
        form_token="one",
        by=by,
        suspends=True,
        until=day,
    )
    offboarding.run(made.pk)
    grant.refresh_from_db()
    assert grant.resume_at == day
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.SUSPENDED, unsettled_since=None, settled_at=timezone.now())
    assert restoring.after_restore(by=OPERATOR).not_resumed == 1
    [left] = Grant.objects.all()
    assert (left.resume_at, left.failure) == (None, restored.WAITED)
    assert [one.until for one in Offboarding.objects.all()] == [None]
    assert granting.resume_due(day + timedelta(days=1)) == []
    offboarding.run(made.pk)
    assert Grant.objects.get().state == GrantState.SUSPENDED
    granting.resume(grant, by=by)
    assert Grant.objects.get().wanted == "present"


def test_what_an_accepted_invitation_had_still_to_give_is_not_given() -> None:
    owner, account = Actor.of(factories.person(Role.OWNER)), factories.account()
    offer = inviting.Offer(factories.shareable().policies.get())
    invitation = inviting.invite("dev@acme.example", offers=[offer], by=owner, meant=account.number)
    person = factories.person(Role.CONSUMER, email="dev@acme.example")
    invitation = inviting.accept(invitation, person=person, account=account, proof=Proof.ROLE, organization="")
    assert inviting.due() == [invitation]
    assert restoring.after_restore(by=OPERATOR).not_given == 1
    assert inviting.due() == []
    assert inviting.make_grants(invitation.pk) == []
    assert invitation.items.get().failure == restored.WAITED


def test_leases_past_their_end_are_named_and_can_be_held_for_a_look() -> None:
    grant = factories.grant(factories.shareable(), ends_at=timezone.now() - timedelta(hours=1))
    assert restoring.after_restore(by=OPERATOR).leases == (grant,)
    assert grant in granting.due(timezone.now())
    restoring.after_restore(by=OPERATOR, hold_leases=timedelta(hours=24))
    assert grant not in granting.due(timezone.now())
    assert grant in granting.due(timezone.now() + timedelta(hours=25))


def test_it_is_part_of_history_and_for_admins() -> None:
    restoring.after_restore(by=OPERATOR)
    assert Event.objects.get(verb="installation.restored").actor == "operator ops"
    with pytest.raises(NotPermitted):
        restoring.after_restore(by=Actor.of(factories.person("owner")))
    assert Policy.objects.unread().count() == 0
