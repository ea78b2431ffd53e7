"""Offboarding an account: what is found, what is left, how workers take it away and give it back."""

import itertools
import json
import uuid
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import (
    Actor,
    Event,
    Grant,
    GrantState,
    Invitation,
    InvitationItem,
    LayerGrant,
    LayerVersion,
    Mapping,
    MappingChange,
    Membership,
    Offboarding,
    OffboardingItem,
    Purpose,
    Role,
    User,
)
from sharing.models.offboarding import OffboardingState
from sharing.services import granting, limits, offboarding
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.offboarding import finding
from sharing.services.syncing import store_policy
from sharing.tasks import sweep
from tests import factories
from tests.services.estate import Estate
from tests.services.kept import ACME, GLOBEX, INITECH, ORGANIZATION, allow, kept, owner

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]


def admin() -> Actor:
    return Actor.of(factories.person(Role.ADMIN))


def kinds(by: Actor, number: str = ACME) -> list[str]:
    return [one.kind.value for one in offboarding.preview(number, by=by).things]


def started(by: Actor, number: str = ACME, **fields: Any) -> Offboarding:
    asked = {"typed": number, "reason": "They left", "form_token": uuid.uuid4().hex, **fields}
    seen = asked.pop("seen", None) or offboarding.preview(number, by=by).mark
    return offboarding.start(number, seen=seen, by=by, **asked)


# What is found


def test_what_lets_in_the_account_alone_goes_and_what_lets_in_others_stays() -> None:
    platform = owner()
    role = f"arn:aws:iam::{ACME}:role/app"
    policy = kept(
        factories.function("hello", platform),
        allow(ACME),
        allow(role),
        allow({"AWS": [f"arn:aws:iam::{ACME}:root", role]}),
        allow({"AWS": [f"arn:aws:iam::{ACME}:root", f"arn:aws:iam::{GLOBEX}:root"]}),
        allow("s3.amazonaws.com", StringEquals={"AWS:SourceAccount": ACME}),
        allow("*", StringEquals={"aws:PrincipalAccount": ACME}),
        allow(ORGANIZATION),
        allow(ACME, effect="Deny"),
        allow(GLOBEX),
    )
    found = offboarding.preview(ACME, by=admin())
    assert [one.refs["index"] for one in found.things] == [0, 1, 2]
    assert {one.refs["content"] for one in found.things} == {policy.current_id}
    named = {one.index for one in found.kept if one.policy}
    assert named == {3, 4, 5}
    assert any(one.how == "organization" for one in found.kept)


def test_a_number_that_is_only_in_the_resource_lets_nobody_in() -> None:
    own = owner("Acme itself")
    function = factories.function("hello", own)
    kept(function, allow(GLOBEX))
    assert offboarding.preview(own.number, by=admin()).things == ()


def test_a_statement_that_aws_cannot_address_is_left_and_said() -> None:
    policy = kept(factories.function("hello", owner()), allow(ACME))
    assert policy.current is not None
    document = json.loads(policy.current.document)
    del document["Statement"][0]["Sid"]
    store_policy(policy, StoredPolicy(json.dumps(document), "another"), read_at=timezone.now())
    found = offboarding.preview(ACME, by=admin())
    assert found.things == ()
    assert "no Sid" in next(one.following for one in found.kept if one.policy)


def test_grants_layers_mappings_people_and_invitations_are_found_and_others_left_alone() -> None:
    function = factories.shareable()
    factories.grant(function, ACME)
    factories.grant(function, ACME, state=GrantState.REVOKED)
    factories.grant(function, GLOBEX)
    Mapping.objects.create(
        function=function, source_arn=f"arn:aws:sqs:us-east-1:{ACME}:orders", source_account=ACME, state="Enabled"
    )
    layer = LayerVersion.objects.create(
        account=function.account,
        region="us-east-1",
        name="tools",
        number=1,
        arn=f"arn:aws:lambda:us-east-1:{function.account.number}:layer:tools:1",
    )
    LayerGrant.objects.create(
        layer=layer, sid="x", principal_kind="account", principal=ACME, principal_account=ACME, statement={}, state="active"
    )
    acme = factories.account("Acme", ACME)
    factories.membership(account_=acme)
    invitation = Invitation.objects.create(
        email="jo@example.com", number=ACME, expires_at=timezone.now() + timedelta(days=7), created_as="x"
    )
    InvitationItem.objects.create(invitation=invitation, policy=function.policies.get(), action="lambda:InvokeFunction")
    assert sorted(kinds(admin())) == ["grant", "invitation", "layer", "mapping", "membership"]
    mine = Actor.of(factories.person(Role.OWNER, accounts=[function.account]))
    assert sorted(kinds(mine)) == ["grant", "invitation", "layer", "mapping"], "an admin ends who acts for an account"
    strangers = Actor.of(factories.person(Role.OWNER, accounts=[factories.account()]))
    assert kinds(strangers) == []


# The decision


def test_only_what_was_shown_is_done_and_only_by_who_means_it() -> None:
    function = factories.shareable()
    factories.grant(function, ACME)
    by = admin()
    factories.account("Acme Retail", ACME)
    for wrong, field in (({"typed": GLOBEX}, "typed"), ({"typed": ""}, "typed"), ({"reason": " "}, "reason")):
        with pytest.raises(Refusal) as refused:
            started(by, **wrong)
        assert refused.value.field == field
    with pytest.raises(Refusal, match="came or went"):
        started(by, seen="something else")
    for other in (Actor.of(factories.person(Role.AUDITOR)), Actor.at_shell("root"), Actor.system()):
        with pytest.raises(NotPermitted):
            started(other)
    with pytest.raises(NotFound):
        started(Actor.of(factories.person(Role.OWNER, accounts=[factories.account()])))
    assert not Offboarding.objects.exists()
    made = started(by, typed="  acme   RETAIL ", form_token="one")
    assert started(by, form_token="one") == made
    assert Offboarding.objects.count() == 1
    event = Event.objects.get(verb="account.offboarded")
    assert (event.reason, event.actor) == ("They left", made.requested_as)


def test_an_account_with_nothing_of_its_own_is_not_offboarded() -> None:
    kept(factories.function("hello", owner()), allow({"AWS": [ACME, GLOBEX]}))
    factories.grant(factories.function(), ACME, state=GrantState.REVOKED)
    with pytest.raises(Refusal, match="nothing to take away"):
        started(admin())


# What workers make of it


def test_rights_that_ended_meanwhile_take_nothing_away() -> None:
    grant = factories.grant(factories.shareable(), ACME)
    by = Actor.of(factories.person(Role.OWNER))
    made = started(by)
    User.objects.update(role=Role.AUDITOR)
    assert offboarding.run(made.pk).grants == []
    item = made.items.get()
    assert (item.state, "Auditors" in item.failure) == ("failed", True)
    grant.refresh_from_db()
    assert grant.state == GrantState.ACTIVE
    assert list(offboarding.due()) == []


def test_killed_in_the_middle_it_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    function = factories.shareable()
    grants = [factories.grant(function, ACME) for _ in range(4)]
    made = started(admin())
    revoke = granting.revoke
    seen: list[uuid.UUID] = []

    def killed(grant: Grant, **asked: Any) -> Grant:
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(grant.pk)
        return revoke(grant, **asked)

    with monkeypatch.context() as patched:
        patched.setattr("sharing.services.offboarding.running.granting.revoke", killed)
        with pytest.raises(KeyboardInterrupt):
            offboarding.run(made.pk)
    assert sorted(made.items.values_list("state", flat=True)) == ["asked", "asked", "waiting", "waiting"]
    assert list(offboarding.due()) == [made]
    assert len(offboarding.run(made.pk).grants) == 2
    assert set(Grant.objects.values_list("state", flat=True)) == {"revoking"}
    assert Event.objects.filter(verb="grant.revoke-asked").count() == len(grants)


def test_many_things_are_asked_for_a_slice_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.offboarding.running._SLICE", 2)
    function = factories.shareable()
    for _ in range(3):
        factories.grant(function, ACME)
    made = started(admin())
    first = offboarding.run(made.pk)
    assert (len(first.grants), first.more) == (2, True)
    sweep()
    assert not made.items.filter(state="waiting").exists() or offboarding.run(made.pk).more is False


def test_a_whole_offboarding_in_aws_also_while_frozen_and_its_undo(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    policy = estate.policy("hello_world")
    ours, role = estate.shared(policy, ACME), estate.shared(policy, f"arn:aws:iam::{ACME}:role/apps/order-processor")
    other = estate.shared(policy, GLOBEX)
    document = sandbox.policy(policy.arn)
    assert document is not None
    elsewhere = {
        "Sid": "elsewhere",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACME}:root"},
        "Action": "lambda:GetFunctionConfiguration",
        "Resource": policy.arn,
    }
    shared = {**elsewhere, "Sid": "several", "Principal": {"AWS": [f"arn:aws:iam::{n}:root" for n in (ACME, INITECH)]}}
    sandbox.put_policy(policy.arn, {**document, "Statement": [*document["Statement"], elsewhere, shared]})
    estate.read(policy)
    policy.refresh_from_db()
    limits.freeze(by=Actor.at_shell("root"))
    made = started(estate.by)
    for key in offboarding.run(made.pk).grants:
        granting.reconcile(key)
    assert sorted(estate.sids(policy)) == sorted([other.sid, "several"])
    standing = offboarding.standing_of(made)
    assert (standing.total, standing.gone, standing.is_open) == (3, 3, False)
    assert {offboarding.status(item)[0] for item in made.items.all()} == {"gone"}
    limits.unfreeze(by=Actor.at_shell("root"))

    offboarding.undo(made, roles=False, by=estate.by)
    for key in offboarding.run(made.pk).grants:
        granting.reconcile(key)
    back = {ours.sid, "elsewhere", other.sid, "several"}
    assert set(estate.sids(policy)) == back
    again = made.items.get(grant=ours).again
    assert again is not None
    assert again.reason == f"Undo: offboarding of {made.name}"
    lost = made.items.get(grant=role)
    assert (lost.state, "may be another role" in lost.failure) == ("lost", True)
    standing = offboarding.standing_of(made)
    assert (standing.again, standing.failed, standing.is_open) == (2, 1, False)
    assert offboarding.run(made.pk).grants == []


def test_an_undo_waits_for_what_aws_has_not_answered_yet() -> None:
    grant = factories.grant(factories.shareable(), ACME)
    by = admin()
    made = started(by)
    offboarding.run(made.pk)
    offboarding.undo(made, roles=True, by=by)
    assert offboarding.run(made.pk).grants == []
    assert list(offboarding.due()) == [made]
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.ACTIVE, failure="AWS refused.")
    offboarding.run(made.pk)
    assert made.items.get().state == "restored"
    assert list(offboarding.due()) == []


def test_what_aws_does_not_answer_for_keeps_nothing_else_from_its_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.offboarding.running._SLICE", 1)
    first = factories.shareable("first")
    for function in (first, factories.function("second", first.account)):
        factories.grant(function, ACME)
    by = admin()
    made = started(by)
    Grant.objects.filter(policy__function__name="first").update(state=GrantState.STUCK, unsettled_since=timezone.now())
    made.items.update(state="asked")
    offboarding.undo(made, roles=False, by=by)
    offboarding.run(made.pk)
    assert {item.grant.policy.function.name: item.state for item in made.items.all() if item.grant} == {
        "first": "asked",
        "second": "restored",
    }


def test_an_undo_of_what_no_worker_took_leaves_it() -> None:
    grant = factories.grant(factories.shareable(), ACME)
    by = admin()
    made = started(by)
    offboarding.undo(made, roles=True, by=by)
    offboarding.run(made.pk)
    grant.refresh_from_db()
    assert (grant.state, made.items.get().state) == (GrantState.ACTIVE, "restored")


def test_a_mapping_that_was_not_paused_is_as_before_in_its_row_and_in_the_counts() -> None:
    source = f"arn:aws:sqs:us-east-1:{ACME}:orders"
    Mapping.objects.create(function=factories.shareable(), source_arn=source, source_account=ACME, state="Enabled")
    factories.connection(factories.account("Acme", ACME), Purpose.CHECKER)
    by = admin()
    made = started(by)
    offboarding.run(made.pk)
    MappingChange.objects.filter(kind="pause").update(state="failed", failure="AWS refused.")
    assert [offboarding.status(item) for item in made.items.all()] == [("not", "AWS refused.")]
    assert offboarding.standing_of(made).failed == 1
    offboarding.undo(made, roles=False, by=by)
    offboarding.run(made.pk)
    made.refresh_from_db()
    assert [offboarding.status(item) for item in made.items.all()] == [("again", "It was not paused.")]
    assert offboarding.standing_of(made) == offboarding.Standing(1, gone=0, working=0, failed=0, again=1)


@pytest.mark.parametrize("undone", [False, True])
def test_the_counts_say_what_the_rows_say(undone: bool) -> None:
    function = factories.shareable()
    factories.grant(function, ACME)
    made = started(admin())
    Offboarding.objects.update(undo_wanted_at=timezone.now() if undone else None)
    made.refresh_from_db()
    held = {state: factories.grant(function, ACME, state=state) for state in GrantState.values}
    again = [None, *(held[state] for state in ("active", "requested", "pending", "failed"))]
    OffboardingItem.objects.bulk_create(
        OffboardingItem(offboarding=made, position=place, kind="grant", state=state, grant=grant, failure=wrong, again=one)
        for place, (state, grant, wrong, one) in enumerate(
            itertools.product(OffboardingState.values, held.values(), ("", "no"), again), start=1
        )
    )
    standing = offboarding.standing_of(made)
    said = Counter(offboarding.status(item)[0] for item in made.items.select_related("grant", "again", "offboarding"))
    assert said == Counter(
        {"gone": standing.gone, "working": standing.working, "not": standing.failed, "again": standing.again}
    )
    assert standing.total == said.total() > 400


def test_people_come_back_and_invitations_do_not() -> None:
    acme = factories.account("Acme", ACME)
    person = factories.membership(account_=acme).person
    function = factories.shareable()
    invitation = Invitation.objects.create(
        email="jo@example.com", number=ACME, expires_at=timezone.now() + timedelta(days=7), created_as="x"
    )
    InvitationItem.objects.create(invitation=invitation, policy=function.policies.get(), action="lambda:InvokeFunction")
    by = admin()
    made = started(by)
    offboarding.run(made.pk)
    assert not Membership.objects.current().filter(person=person).exists()
    invitation.refresh_from_db()
    assert invitation.state == "cancelled"
    offboarding.undo(made, roles=False, by=by)
    offboarding.run(made.pk)
    assert Membership.objects.current().filter(person=person, account=acme).exists()
    assert {one.kind: one.state for one in made.items.all()} == {"membership": "restored", "invitation": "lost"}


def test_it_can_be_undone_for_a_day_by_who_sees_it() -> None:
    factories.grant(factories.shareable(), ACME)
    by = Actor.of(factories.person(Role.OWNER))
    made = started(by)
    with pytest.raises(NotPermitted):
        offboarding.undo(made, roles=False, by=Actor.of(factories.person(Role.AUDITOR)))
    with pytest.raises(NotFound):
        offboarding.undo(made, roles=False, by=Actor.of(factories.person(Role.OWNER, accounts=[factories.account()])))
    Offboarding.objects.update(created_at=timezone.now() - timedelta(hours=25))
    made.refresh_from_db()
    with pytest.raises(Refusal, match="A day has passed"):
        offboarding.undo(made, roles=False, by=by)
    Offboarding.objects.update(created_at=timezone.now())
    made.refresh_from_db()
    once = offboarding.undo(made, roles=False, by=by)
    assert offboarding.undo(once, roles=True, by=by).undo_roles is False
    assert Event.objects.filter(verb="account.offboarding-undone").count() == 1


def test_the_preview_costs_the_same_with_many_things(django_assert_max_num_queries: Any) -> None:
    function = factories.shareable()
    by = admin()
    for number in range(30):
        factories.grant(function, ACME)
        kept(factories.function(f"f{number}", function.account), allow(ACME))
    with django_assert_max_num_queries(60) as counted:
        assert len(finding.preview(ACME, by=by).things) == 60
    assert len(counted.captured_queries) < 60
