"""Suspending and resuming: one grant, or everything of an account; what comes back, what does not, and what is never said."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from sharing.models import (
    Actor,
    Event,
    Grant,
    GrantState,
    LayerGrant,
    LayerVersion,
    Mapping,
    MappingChange,
    Offboarding,
    Role,
    User,
    Wanted,
)
from sharing.services import granting, layers, limits, offboarding
from sharing.services.access import of_function
from sharing.services.consuming.reaching import side_of
from sharing.services.consuming.telling import shared
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.granting import settling
from sharing.services.naming import spoken
from sharing.services.timelines.telling import doer
from sharing.tasks import sweep
from tests import factories
from tests.services.estate import Estate
from tests.services.kept import ACME, GLOBEX, INITECH, kept

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]
ROLE = f"arn:aws:iam::{ACME}:role/apps/order-processor"


def admin() -> Actor:
    return Actor.of(factories.person(Role.ADMIN))


def decided(number: str = ACME, **fields: Any) -> Grant:
    """A grant that could be written back, as a row only."""
    function = fields.pop("on", None) or factories.shareable()
    policy = function.policies.get(qualifier="")
    by = admin()
    grant = granting.grant(granting.plan(policy=policy, who=number, by=by), reason="They need it", by=by)
    Grant.objects.filter(pk=grant.pk).update(**{"state": GrantState.ACTIVE, "unsettled_since": None, **fields})
    grant.refresh_from_db()
    return grant


def asleep(**fields: Any) -> Grant:
    """A suspended grant, as a row only."""
    at = timezone.now() - timedelta(hours=1)
    by = factories.person(Role.ADMIN)
    said = {"revoked_by": by, "revoked_as": by.email, "revoke_reason": "An incident"}
    return decided(**{"state": "suspended", "wanted": "absent", "suspended_at": at, "settled_at": at, **said, **fields})


def started(by: Actor, number: str = ACME, **fields: Any) -> Offboarding:
    seen = offboarding.preview(number, by=by, suspends=True).mark
    asked = {"typed": number, "reason": "An incident", "form_token": uuid.uuid4().hex, "seen": seen, **fields}
    return offboarding.start(number, by=by, suspends=True, **asked)


def refused(grant: Grant, by: Actor | None = None, **asked: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        granting.resume(grant, by=by or admin(), **asked)
    return refusal.value.code


# In AWS


def test_a_grant_goes_and_comes_back_exactly_as_it_was_and_each_is_proved(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    policy = estate.policy("hello_world")
    end = timezone.now() + timedelta(days=9)
    grant, other = estate.shared(policy, ACME, ends_at=end), estate.shared(policy, GLOBEX)
    before = estate.held(policy)
    limits.freeze(by=Actor.at_shell("root"))
    grant = estate.settle(granting.suspend(grant, by=estate.by, reason="An incident"))
    assert (grant.state, grant.failure, estate.sids(policy)) == (GrantState.SUSPENDED, "", [other.sid])
    assert estate.check(grant).verdict == "denied"
    grant.refresh_from_db()
    assert grant.check_due_at is None, "nobody is tried again while it is suspended"

    grant = estate.settle(granting.resume(grant, by=estate.by))
    assert (grant.state, grant.failure_code, estate.sids(policy)) == (GrantState.PENDING, limits.Frozen.code, [other.sid])
    limits.unfreeze(by=Actor.at_shell("root"))
    Grant.objects.update(next_try_at=None)
    grant = estate.settle(grant)
    assert (grant.state, grant.ends_at, grant.suspended_at, grant.revoked_as) == (GrantState.ACTIVE, end, None, "")
    assert sorted(estate.held(policy), key=str) == sorted(before, key=str)
    assert estate.check(grant).verdict == "allowed"
    verbs = [one for one in grant.events.order_by("sequence").values_list("verb", flat=True) if one != "check.finished"]
    assert verbs == [
        "grant.decided",
        "grant.active",
        "grant.suspend-asked",
        "grant.suspended",
        "grant.resume-asked",
        "grant.active",
    ]


def test_what_somebody_put_back_is_active_again_and_said(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    policy = estate.policy("hello_world")
    grant = estate.shared(policy, ACME)
    document = sandbox.policy(policy.arn)
    grant = estate.settle(granting.suspend(grant, by=estate.by, reason="An incident"))
    estate.read(policy)
    grant.refresh_from_db()
    assert grant.state == GrantState.SUSPENDED
    assert document is not None
    sandbox.put_policy(policy.arn, document)
    estate.read(policy)
    grant.refresh_from_db()
    assert (grant.state, grant.wanted, grant.failure_code) == (GrantState.ACTIVE, Wanted.PRESENT, "put-back")
    assert "it lets them in" in grant.failure
    assert grant.check_due_at is not None, "what was proved while it was suspended is not so any more"
    assert grant.events.get(verb="grant.put-back").text.startswith(f"The suspended share with {spoken(ACME)} is in AWS again")
    grant = estate.settle(granting.suspend(grant, by=estate.by, reason="Again"))
    assert (grant.state, estate.held(policy)) == (GrantState.SUSPENDED, [])


def test_a_resume_that_is_refused_stays_suspended_and_says_why(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    policy = estate.policy("hello_world")
    grant = estate.settle(granting.suspend(estate.shared(policy, ACME), by=estate.by, reason="An incident"))
    theirs = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{GLOBEX}:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": policy.arn,
    }
    granting.resume(grant, by=estate.by)
    sandbox.put_policy(policy.arn, {"Version": "2012-10-17", "Statement": [theirs]})
    grant = estate.settle(grant)
    assert (grant.state, grant.wanted, grant.failure_code) == (GrantState.SUSPENDED, Wanted.ABSENT, "conflict")
    assert estate.held(policy) == [theirs]
    assert refused(grant, estate.by) == "conflict"


def test_a_whole_account_is_suspended_and_resumed_and_what_others_made_still_lets_it_in(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    policy = estate.policy("hello_world")
    ours, role = estate.shared(policy, ACME), estate.shared(policy, ROLE)
    other = estate.shared(policy, GLOBEX)
    document = sandbox.policy(policy.arn)
    assert document is not None
    by_hand = {
        "Sid": "by-hand",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACME}:root"},
        "Action": "lambda:GetFunctionConfiguration",
        "Resource": policy.arn,
    }
    several = {**by_hand, "Sid": "several", "Principal": {"AWS": [f"arn:aws:iam::{n}:root" for n in (ACME, INITECH)]}}
    sandbox.put_policy(policy.arn, {**document, "Statement": [*document["Statement"], by_hand, several]})
    estate.read(policy)
    policy.refresh_from_db()
    found = offboarding.preview(ACME, by=estate.by, suspends=True)
    assert {one.refs["grant"] for one in found.things} == {ours, role}
    kept_ = {one.index: one.following for one in found.kept if one.policy}
    assert len(kept_) == 2
    assert any("made elsewhere" in one for one in kept_.values())

    made = started(estate.by)
    for key in offboarding.run(made.pk).grants:
        granting.reconcile(key)
    assert sorted(estate.sids(policy)) == sorted([other.sid, "several", "by-hand"])
    standing = offboarding.standing_of(made)
    assert (standing.total, standing.gone, standing.is_open) == (2, 2, False)
    assert offboarding.preview(ACME, by=estate.by, suspends=True).things == ()

    offboarding.undo(made, roles=False, by=estate.by)
    for key in offboarding.run(made.pk).grants:
        granting.reconcile(key)
    assert sorted(estate.sids(policy)) == sorted([ours.sid, other.sid, "several", "by-hand"])
    said = {item.grant: offboarding.status(item) for item in made.items.select_related("offboarding", "grant", "again")}
    assert said[ours] == ("again", "")
    assert said[role][0] == "not"
    assert "may be another role" in said[role][1]
    granting.resume(role, by=estate.by, confirm_role=True)
    assert estate.settle(role).state == GrantState.ACTIVE
    assert offboarding.standing_of(made).again == 2


# One grant


def test_only_what_can_be_written_back_exactly_is_suspended() -> None:
    by = admin()
    grant = decided()
    for wrong, code in (
        ({"permission": None}, "not-writable"),
        ({"statement": {"Condition": {"StringEquals": {"lambda:EventSourceToken": "sha256:0"}}}}, "token-needed"),
        ({"state": GrantState.REQUESTED}, "stale"),
        ({"state": GrantState.REVOKED}, "stale"),
        ({"state": GrantState.REVOKING, "wanted": "absent"}, "stale"),
    ):
        before = Grant.objects.filter(pk=grant.pk).values(*wrong).get()
        Grant.objects.filter(pk=grant.pk).update(**wrong)
        with pytest.raises(Refusal) as refusal:
            granting.suspend(grant, by=by, reason="An incident")
        assert refusal.value.code == code
        Grant.objects.filter(pk=grant.pk).update(**before)
    for words, until, field in ((" ", None, "reason"), ("Yes", timezone.now() - timedelta(hours=1), "until")):
        with pytest.raises(Refusal) as refusal:
            granting.suspend(grant, by=by, reason=words, until=until)
        assert refusal.value.field == field
    assert granting.suspend(grant, by=by, reason="An incident").state == GrantState.REVOKING
    granting.suspend(grant, by=by, reason="An incident")
    assert Event.objects.filter(verb="grant.suspend-asked").count() == 1


def test_who_sees_nothing_of_it_or_only_looks_neither_suspends_nor_resumes() -> None:
    grant = asleep()
    stranger = Actor.of(factories.person(Role.OWNER, accounts=[factories.account()]))
    for by, error in ((Actor.of(factories.person(Role.AUDITOR)), NotPermitted), (stranger, NotFound)):
        with pytest.raises(error):
            granting.suspend(grant, by=by, reason="x")
        with pytest.raises(error):
            granting.resume(grant, by=by)
        with pytest.raises(error):
            started(by)


def test_who_takes_it_back_while_it_is_being_suspended_is_answered_with_revoked() -> None:
    by = admin()
    grant = granting.suspend(decided(), by=by, reason="An incident")
    stale = Grant.objects.get(pk=grant.pk)
    granting.revoke(grant, by=by)
    assert settling.gone(stale, request_id="") is None
    grant.refresh_from_db()
    assert (grant.state, grant.suspended_at) == (GrantState.REVOKING, None)
    assert settling.gone(grant, request_id="") is not None
    grant.refresh_from_db()
    assert grant.state == GrantState.REVOKED


def test_a_suspended_grant_is_taken_back_without_asking_aws_only_if_the_last_read_does_not_hold_it() -> None:
    by = admin()
    grant = granting.revoke(asleep(), by=by)
    assert (grant.state, grant.resume_at) == (GrantState.REVOKED, None)
    with pytest.raises(Refusal, match="is revoked"):
        granting.suspend(grant, by=by, reason="An incident")
    grant = asleep(on=grant.policy.function)
    kept(grant.policy.function, grant.statement)
    Grant.objects.filter(pk=grant.pk).update(state="suspended", wanted="absent", suspended_at=timezone.now())
    assert granting.revoke(grant, by=by).state == GrantState.REVOKING


def test_an_end_date_that_comes_meanwhile_ends_it() -> None:
    grant = asleep(ends_at=timezone.now() - timedelta(seconds=5))
    assert refused(grant) == "ended"
    assert list(granting.due(timezone.now())) == [grant]
    granting.reconcile(grant.pk)
    grant.refresh_from_db()
    assert (grant.state, grant.resume_at) == (GrantState.EXPIRED, None)
    assert grant.events.get(verb="grant.expired").text.startswith("Its end date came while it was suspended")


def test_everything_is_judged_anew_before_it_comes_back() -> None:
    grant = asleep()
    approver = factories.person(Role.OWNER)
    Grant.objects.filter(pk=grant.pk).update(second_person="It is dangerous.", approved_by=approver, approved_at=timezone.now())
    assert refused(grant) == "not-permitted", "what was approved is not what would be written"
    Grant.objects.filter(pk=grant.pk).update(second_person="", approved_by=None)
    function = grant.policy.function
    type(function).objects.filter(pk=function.pk).update(vanished_at=timezone.now())
    assert refused(grant) == "gone"
    type(function).objects.filter(pk=function.pk).update(vanished_at=None)
    function.account.connections.update(state="paused")
    assert refused(grant) == "paused"
    function.account.connections.update(state="connected")
    role = asleep(number=ROLE, on=function)
    assert refused(role) == "confirm-role"
    assert granting.resume(role, by=admin(), confirm_role=True).state == GrantState.PENDING
    User.objects.filter(email=grant.requested_as).update(is_active=False)
    assert granting.resume(grant, by=admin()).state == GrantState.PENDING, "whoever resumes it answers for it"


def test_by_itself_on_its_day_and_what_needs_a_person_says_so() -> None:
    past = timezone.now() - timedelta(minutes=1)
    on = factories.shareable()
    good = asleep(on=on, resume_at=past)
    role = asleep(on=on, number=ROLE, resume_at=past)
    later = asleep(on=on, number=INITECH, resume_at=timezone.now() + timedelta(hours=1))
    sweep()
    states = {one.pk: (one.state, one.failure_code, one.resume_at is None) for one in Grant.objects.all()}
    assert states[good.pk][0] == GrantState.PENDING
    assert states[role.pk] == ("suspended", "not-resumed", True)
    assert states[later.pk] == ("suspended", "", False)
    assert granting.resume_due(timezone.now()) == []


def test_by_itself_only_with_the_rights_of_who_suspended_it() -> None:
    grant = asleep(resume_at=timezone.now() - timedelta(minutes=1))
    User.objects.filter(email=grant.revoked_as).update(role=Role.AUDITOR)
    assert granting.resume_due(timezone.now()) == []
    grant.refresh_from_db()
    assert (grant.state, "Auditors" in grant.failure) == (GrantState.SUSPENDED, True)


def test_a_suspension_that_aws_refuses_leaves_nobody_named_who_took_it_away() -> None:
    grant = granting.suspend(decided(), by=admin(), reason="An incident")
    settling.still_there(grant, "AWS refused.", "Look.", code="AccessDeniedException")
    grant.refresh_from_db()
    assert (grant.state, grant.suspended_at, grant.revoked_as, grant.revoke_reason) == (GrantState.ACTIVE, None, "", "")


def test_history_names_who_suspended_it_each_time_and_who_resumed_it() -> None:
    first, second, third = (factories.person(Role.ADMIN) for _ in range(3))
    grant = granting.suspend(decided(), by=Actor.of(first), reason="An incident", until=timezone.now() + timedelta(days=1))
    settling.gone(grant, request_id="")
    Grant.objects.update(resume_at=timezone.now())
    granting.resume_due(timezone.now())
    grant.refresh_from_db()
    settling.active(grant, request_id="")
    settling.gone(granting.suspend(grant, by=Actor.of(second), reason="Another"), request_id="")
    grant.refresh_from_db()
    settling.active(granting.resume(grant, by=Actor.of(third)), request_id="")
    told = []
    for event in grant.events.filter(verb__in=("grant.suspended", "grant.active")).order_by("sequence"):
        kind = "disappeared" if event.verb == "grant.suspended" else "appeared"
        told.append(doer(kind, statement=None, since=None, until=event.at, events=[event]).text)
    assert told == [
        f"Suspended by {first.email}.",
        "Resumed by fnshare.",
        f"Suspended by {second.email}.",
        f"Resumed by {third.email}.",
    ]
    assert Event.objects.filter(verb="grant.resume-asked", actor="fnshare").count() == 1, "nobody clicked on that day"


# An account


def test_what_would_come_by_itself_waits_while_its_account_is_suspended() -> None:
    by = admin()
    grant = asleep(resume_at=timezone.now() - timedelta(minutes=1))
    decided(on=factories.function("b", grant.policy.function.account))
    made = started(by)
    assert granting.resume_due(timezone.now()) == []
    grant.refresh_from_db()
    assert (grant.state, grant.failure, grant.resume_at is None) == (GrantState.SUSPENDED, "", False)
    half = Actor.of(factories.person(Role.OWNER, accounts=[grant.policy.function.account]))
    assert refused(grant, half) == "suspended", "nor by somebody who could not resume the account"
    [found] = granting.resuming([grant], by=by)
    assert (found.problem, [one.next for one in found.warnings]) == (None, ["This share alone comes back."])
    offboarding.undo(made, roles=False, by=by)
    assert granting.resume_due(timezone.now()) == [grant]


def test_resuming_one_suspension_of_an_account_gives_nothing_while_another_stands() -> None:
    mine, theirs = decided(), decided(on=factories.shareable("other", "777788889999"))
    half, by = Actor.of(factories.person(Role.OWNER, accounts=[mine.policy.function.account])), admin()
    first = started(half)
    offboarding.run(first.pk)
    Grant.objects.filter(pk=mine.pk).update(state=GrantState.SUSPENDED, settled_at=timezone.now())
    second = started(by)
    assert offboarding.suspended_by_others(ACME, by=half) == second
    assert offboarding.suspended_by_others(GLOBEX, by=half) is None
    offboarding.run(second.pk)
    Grant.objects.filter(pk=theirs.pk).update(state=GrantState.SUSPENDED, settled_at=timezone.now())
    assert [one.problem and one.problem.code for one in offboarding.coming_back(first, by=half)] == ["suspended"]
    offboarding.undo(first, roles=False, by=by)
    offboarding.run(first.pk)
    mine.refresh_from_db()
    assert (mine.state, "is suspended since" in mine.failure) == (GrantState.SUSPENDED, True)
    assert [one.problem for one in offboarding.coming_back(second, by=by)] == [None]


def test_a_suspension_that_only_pauses_a_mapping_stands_in_the_account_of_that_function() -> None:
    function = factories.shareable()
    Mapping.objects.create(
        function=function, source_arn=f"arn:aws:sqs:us-east-1:{ACME}:orders", source_account=ACME, state="Enabled"
    )
    other = factories.shareable("other", "777788889999")
    decided(on=other, state=GrantState.REQUESTED)
    started(Actor.of(factories.person(Role.OWNER, accounts=[function.account, other.account])))
    plans = [granting.plan(policy=one.policies.get(), who=ACME, by=admin()) for one in (function, other)]
    assert [one.ok for one in plans] == [False, True]


def test_a_mapping_stays_paused_while_another_suspension_of_its_account_stands() -> None:
    function, by = factories.shareable(), admin()
    queue = f"arn:aws:sqs:us-east-1:{ACME}:orders"
    mapping = Mapping.objects.create(function=function, source_arn=queue, source_account=ACME, state="Enabled")
    factories.membership(account_=factories.account("Acme", ACME))
    first = started(by)
    offboarding.run(first.pk)
    MappingChange.objects.update(state="done")
    Mapping.objects.filter(pk=mapping.pk).update(state="Disabled")
    Grant.objects.filter(pk=decided(GLOBEX, on=function).pk).update(principal_account=ACME, principal=ACME)
    started(by)
    offboarding.undo(first, roles=False, by=by)
    assert offboarding.run(first.pk).changes == []
    item = first.items.select_related("offboarding", "mapping", "change").get()
    assert (offboarding.status(item)[0], "is suspended since" in item.failure) == ("not", True)


def test_nothing_is_shared_with_a_suspended_account_until_it_is_resumed() -> None:
    by = admin()
    grant = decided()
    policy = grant.policy
    elsewhere = factories.shareable("other", "777788889999").policies.get(qualifier="")
    waiting = decided(on=factories.function("third", policy.function.account), state=GrantState.REQUESTED)
    made = started(by)
    Grant.objects.filter(pk=waiting.pk).update(requested_by=factories.person(Role.OWNER))
    for place in (policy, elsewhere):
        for who in (ACME, ROLE):
            assert [one.code for one in granting.plan(policy=place, who=who, by=by).problems] == ["suspended"]
        assert granting.plan(policy=place, who=GLOBEX, by=by).ok
    waiting.refresh_from_db()
    with pytest.raises(Refusal, match="suspended"):
        granting.approve(waiting, digest=granting.approval_digest(waiting), by=by)
    Offboarding.objects.filter(pk=made.pk).update(everywhere=False)
    assert granting.plan(policy=elsewhere, who=ACME, by=by).ok, "who suspends sees only some accounts"
    assert not granting.plan(policy=policy, who=ACME, by=by).ok
    offboarding.undo(made, roles=False, by=by)
    assert granting.plan(policy=elsewhere, who=ACME, by=by).ok


def test_a_plan_made_before_the_suspension_shares_nothing_after_it() -> None:
    by = admin()
    grant = decided()
    plan = granting.plan(policy=factories.function("b", grant.policy.function.account).policies.get(), who=ACME, by=by)
    assert plan.ok
    started(by)
    with pytest.raises(Refusal) as refusal:
        granting.grant(plan, reason="Quick", by=by)
    assert refusal.value.code == "suspended"


def test_the_very_same_is_not_shared_beside_what_is_suspended() -> None:
    grant = asleep()
    problems = granting.plan(policy=grant.policy, who=ACME, by=admin()).problems
    assert [one.code for one in problems] == ["suspended"]


def test_mappings_are_paused_and_people_stay() -> None:
    function = factories.shareable()
    decided(on=function)
    Mapping.objects.create(
        function=function, source_arn=f"arn:aws:sqs:us-east-1:{ACME}:orders", source_account=ACME, state="Enabled"
    )
    factories.membership(account_=factories.account("Acme", ACME))
    found = offboarding.preview(ACME, by=admin(), suspends=True)
    assert sorted(one.kind.value for one in found.things) == ["grant", "mapping"]
    assert found.mark != offboarding.preview(ACME, by=admin()).mark
    assert not any("acts for the account" in one.sentence for one in found.kept)


def test_an_account_is_resumed_by_itself_on_its_day_and_at_any_time_by_hand() -> None:
    by = admin()
    grant = decided()
    made = started(by, until=timezone.now() + timedelta(days=3))
    offboarding.run(made.pk)
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.SUSPENDED)
    long_ago = timezone.now() - timedelta(days=40)
    Offboarding.objects.update(created_at=long_ago)
    made.refresh_from_db()
    assert offboarding.may_undo(made, by=by, now=timezone.now())
    assert list(offboarding.due()) == []
    Offboarding.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert list(offboarding.due()) == [made]
    offboarding.run(made.pk)
    grant.refresh_from_db()
    made.refresh_from_db()
    assert (grant.state, made.undo_as, made.items.get().again) == (GrantState.PENDING, Actor.system().label, grant)
    assert offboarding.run(made.pk).grants == []
    assert Event.objects.filter(verb="account.resumed").count() == 1
    with pytest.raises(Refusal, match="passed"):
        started(by, until=long_ago)


def test_offboarding_ends_what_is_suspended_too_and_its_undo_gives_no_more_than_they_had() -> None:
    grant, by = asleep(), admin()
    found = offboarding.preview(ACME, by=by)
    [thing] = found.things
    assert (thing.refs["grant"], thing.sentence.endswith(", suspended")) == (grant, True)
    made = offboarding.start(ACME, seen=found.mark, typed=ACME, reason="They left", form_token="one", by=by)
    offboarding.run(made.pk)
    grant.refresh_from_db()
    assert grant.state == GrantState.REVOKED
    offboarding.undo(made, roles=True, by=by)
    offboarding.run(made.pk)
    item = made.items.get()
    assert (item.state, "was suspended" in item.failure) == ("lost", True)
    assert not Grant.objects.filter(undo_of=grant).exists()


def test_what_was_taken_back_meanwhile_does_not_come_back_with_its_account() -> None:
    by = admin()
    grant = decided()
    made = started(by)
    offboarding.run(made.pk)
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.SUSPENDED)
    granting.revoke(grant, by=by)
    item = made.items.select_related("offboarding", "grant").get()
    assert offboarding.status(item) == ("over", "It is revoked by now."), "and not called suspended"
    assert (offboarding.standing_of(made).gone, offboarding.standing_of(made).over) == (0, 1)
    offboarding.undo(made, roles=True, by=by)
    offboarding.run(made.pk)
    item = made.items.select_related("offboarding").get()
    assert offboarding.status(item) == ("not", "It is revoked by now. Share anew, if it is needed.")


def test_the_preview_of_resuming_costs_the_same_with_many(django_assert_max_num_queries: Any) -> None:
    account = factories.shareable().account
    by = Actor.of(factories.person(Role.OWNER, accounts=[account]))  # whose scope is asked of the database
    for number in range(12):
        decided(on=factories.function(f"f{number}", account))
    made = started(by)
    offboarding.run(made.pk)
    Grant.objects.update(state=GrantState.SUSPENDED)
    with django_assert_max_num_queries(20):
        assert len([one for one in offboarding.coming_back(made, by=by) if not one.problem]) == 12


# What is shown


def test_the_other_side_sees_that_the_owner_suspended_it_and_nothing_more() -> None:
    grant = asleep()
    account = factories.account("Acme", ACME)
    me = Actor.of(factories.acting("jo@example.com", account))
    side = side_of(me)
    [found] = shared(side, [grant.policy], {})
    assert [way.told for way in found.ways] == ["suspended"]
    assert not found.ways[0].usable


def test_its_line_in_who_has_access_names_who_suspended_it_and_is_not_called_public() -> None:
    grant = asleep()
    [row] = of_function(grant.policy.function, by=admin())
    assert (row.state, row.by, row.why) == ("suspended", grant.revoked_as, "An incident")


def test_a_read_that_is_denied_never_makes_what_was_suspended_active(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    policy = estate.policy("hello_world")
    grant = estate.settle(granting.suspend(estate.shared(policy, ACME), by=estate.by, reason="An incident"))
    granting.resume(grant, by=estate.by)
    grant = granting.suspend(grant, by=estate.by, reason="Again")
    sandbox.faults.add("GetPolicy", "before", "error", "AccessDeniedException", 403)
    assert estate.settle(grant).state == GrantState.REVOKING
    sandbox.faults.clear()
    Grant.objects.update(next_try_at=None)
    assert estate.settle(grant).state == GrantState.SUSPENDED


def test_no_layer_is_shared_with_a_suspended_account_until_it_is_resumed() -> None:
    by = admin()
    of = decided().policy.function.account
    of.connections.update(verbs={"read": True, "share": True, "share_layers": True})
    arn = f"arn:aws:lambda:us-east-1:{of.number}:layer:tools:1"
    layer = LayerVersion.objects.create(account=of, region="us-east-1", name="tools", number=1, arn=arn)
    asked: dict[str, Any] = {"layer": layer, "by": by, "ends_at": None}
    before = layers.plan(who=ACME, form_token="before", **asked)
    made = started(by)
    asker = factories.person(Role.OWNER)
    to = {"principal_kind": "account", "principal": ACME, "principal_account": ACME}
    with pytest.raises(Refusal) as refusal:
        layers.share(before, reason="They need it", by=by)
    assert refusal.value.code == "suspended"
    waiting = LayerGrant.objects.create(layer=layer, sid="x", statement={}, state="requested", requested_by=asker, **to)
    with pytest.raises(Refusal) as refusal:
        layers.approve(waiting, digest=layers.approval_digest(waiting), by=by)
    assert refusal.value.code == "suspended"
    LayerGrant.objects.update(state="failed")
    assert [one.code for one in layers.plan(who=ACME, form_token="after", **asked).problems] == ["suspended"]
    assert layers.plan(who=GLOBEX, form_token="other", **asked).ok
    offboarding.undo(made, roles=False, by=by)
    assert layers.share(before, reason="They need it", by=by).state == "pending"
