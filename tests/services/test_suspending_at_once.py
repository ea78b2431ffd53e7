"""A share and the suspension or offboarding of who it is for, decided at the same moment: each knows of the other."""

import json
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sharing.models import Account, Actor, Grant, GrantState, Latch, Offboarding, Policy, Role
from sharing.policy import parse
from sharing.services import granting, offboarding
from sharing.services.errors import Refusal
from sharing.services.granting import Outcome, approving, deciding, suspending
from sharing.services.granting.door import Read
from sharing.services.granting.pausing import take_turn, why_kept_back
from sharing.services.granting.transitions import look_again
from sharing.services.offboarding import deciding as leaving
from tests import factories
from tests.services.kept import ACME, GLOBEX
from tests.services.test_granting_deciding import together

pytestmark = pytest.mark.django_db
AT_ONCE = pytest.mark.django_db(transaction=True)


def admin() -> Actor:
    return Actor.of(factories.person(Role.ADMIN))


def policy_of(name: str) -> Policy:
    """Of a function of the one owner account, which a worker may enter."""
    held = Account.objects.filter(number="444455556666").first()
    function = factories.function(name, held) if held else factories.shareable(name)
    return function.policies.get(qualifier="")


def shared(by: Actor, number: str = ACME, **fields: Any) -> Grant:
    """A grant on a function of its own in the one owner account, as a row only."""
    policy = policy_of(f"function-{uuid.uuid4().hex[:6]}")
    grant = granting.grant(granting.plan(policy=policy, who=number, by=by), reason="They need it", by=by)
    Grant.objects.filter(pk=grant.pk).update(**{"state": GrantState.ACTIVE, "unsettled_since": None, **fields})
    grant.refresh_from_db()
    return grant


def share(by: Actor) -> tuple[Callable[[], Grant], str]:
    policy = policy_of(f"wanted-{uuid.uuid4().hex[:6]}")
    plan = granting.plan(policy=policy, who=ACME, by=by)
    return lambda: granting.grant(plan, reason="They need it", by=by), GrantState.PENDING


def approval(by: Actor) -> tuple[Callable[[], Grant], str]:
    grant = shared(admin(), state=GrantState.REQUESTED)
    digest = granting.approval_digest(grant)
    return lambda: granting.approve(grant, digest=digest, by=by), GrantState.PENDING


def resumption(by: Actor) -> tuple[Callable[[], Grant], str]:
    at = timezone.now() - timedelta(hours=1)
    grant = shared(admin(), state=GrantState.SUSPENDED, wanted="absent", suspended_at=at, settled_at=at)
    half = Actor.of(factories.person(Role.OWNER, accounts=[grant.policy.function.account]))
    return lambda: granting.resume(grant, by=half), GrantState.PENDING


WAYS = {"share": (share, deciding), "approve": (approval, approving), "resume": (resumption, suspending)}


def beginning(by: Actor, *, suspends: bool) -> Callable[[], Offboarding]:
    """Somebody read the preview, and confirms it when this is called."""
    seen = offboarding.preview(ACME, by=by, suspends=suspends).mark
    said: dict[str, Any] = {"typed": ACME, "reason": "An incident", "form_token": uuid.uuid4().hex, "seen": seen}
    return lambda: offboarding.start(ACME, by=by, suspends=suspends, **said)


def while_it_is_written(monkeypatch: pytest.MonkeyPatch, module: Any, job: Callable[[], object]) -> Callable[[], object]:
    """The job, done at the moment at which that module has written everything and committed nothing. Where the job does not
    wait for the commit, the commit waits for the job."""
    record, written, done = module.record, threading.Event(), threading.Event()

    def slowly(*said: Any, **told: Any) -> Any:
        event = record(*said, **told)
        written.set()
        done.wait(0.4)
        return event

    def late() -> object:
        assert written.wait(10)
        try:
            return job()
        finally:
            done.set()

    monkeypatch.setattr(module, "record", slowly)
    return late


def test_the_second_of_two_clicks_is_the_first_one_whatever_a_worker_did_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    by = admin()
    grant = shared(by)
    click = beginning(by, suspends=False)
    first: list[Offboarding] = []

    def waits_for_its_turn(number: str) -> None:
        monkeypatch.setattr(leaving, "take_turn", take_turn)
        first.append(click())
        assert offboarding.run(first[0].pk).grants == [grant.pk], "what the preview showed is on its way out"
        take_turn(number)

    monkeypatch.setattr(leaving, "take_turn", waits_for_its_turn)
    assert click() == first[0]


@AT_ONCE
@pytest.mark.parametrize(
    ("way", "suspends"),
    [("share", True), ("approve", True), ("share", False)],  # a request that waits is offboarded by name as well
    ids=["suspended-share", "suspended-approve", "offboarded-share"],
)
def test_what_is_just_being_shared_is_never_missing_from_what_is_taken_away(
    monkeypatch: pytest.MonkeyPatch, way: str, suspends: bool
) -> None:
    by = admin()
    shared(by)
    decide, module = WAYS[way]
    job, state = decide(by)
    begin = beginning(by, suspends=suspends)
    made, refused = together(job, while_it_is_written(monkeypatch, module, begin))
    assert isinstance(made, Grant)
    assert made.state == state
    assert isinstance(refused, Refusal)
    assert refused.code == "stale"
    assert not Offboarding.objects.exists()


@AT_ONCE
@pytest.mark.parametrize("way", list(WAYS))
def test_while_a_suspension_is_being_written_nothing_is_shared_past_it(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    by = admin()
    shared(by)
    job, _ = WAYS[way][0](by)
    begin = beginning(by, suspends=True)
    begun, refused = together(begin, while_it_is_written(monkeypatch, leaving, job))
    assert isinstance(begun, Offboarding)
    assert isinstance(refused, Refusal)
    assert refused.code == "suspended"
    assert Grant.objects.filter(state=GrantState.PENDING).count() == 0


@AT_ONCE
def test_while_an_offboarding_is_being_written_nothing_is_shared_past_it(monkeypatch: pytest.MonkeyPatch) -> None:
    by = admin()
    shared(by)
    job, _ = share(by)
    begun, refused = together(beginning(by, suspends=False), while_it_is_written(monkeypatch, leaving, job))
    assert isinstance(begun, Offboarding)
    assert isinstance(refused, Refusal)
    assert refused.code == "offboarding"
    elsewhere = granting.plan(policy=policy_of("other"), who=GLOBEX, by=by)
    assert granting.grant(elsewhere, reason="They need it", by=by).state == GrantState.PENDING
    offboarding.run(begun.pk)
    assert job().state == GrantState.PENDING, "it was asked for everything: what is shared now is shared knowingly"


def test_a_thing_of_an_offboarding_that_waits_comes_back_when_it_is_undone() -> None:
    by = admin()
    gone, other = shared(by), shared(by)
    begun = beginning(by, suspends=False)()
    Grant.objects.filter(pk=gone.pk).update(state=GrantState.REVOKED, wanted="absent", settled_at=timezone.now())
    begun.items.filter(grant=gone).update(state="asked")
    offboarding.undo(begun, roles=False, by=by)
    assert offboarding.run(begun.pk).grants != []
    assert Grant.objects.get(undo_of=gone).state == GrantState.PENDING
    other.refresh_from_db()
    assert other.state == GrantState.ACTIVE


@AT_ONCE
def test_two_who_are_the_first_to_decide_about_an_account_wait_for_each_other() -> None:
    by = admin()
    jobs = [share(by)[0] for _ in range(4)]
    made = together(*jobs)
    assert {type(one) for one in made} == {Grant}, made
    assert list(Latch.objects.values_list("pk", flat=True)) == [ACME]
    take_turn("")  # of nobody in particular: no row
    assert Latch.objects.count() == 1


# What a worker does with a row that says otherwise: of a backup, or from before


def suspended(by: Actor) -> Offboarding:
    return beginning(by, suspends=True)()


@pytest.mark.parametrize(
    ("state", "held", "ends"),
    [
        (GrantState.PENDING, False, "failed"),
        (GrantState.PENDING, True, "revoking"),  # the backup is from before AWS was told
        (GrantState.GRANTING, False, "revoking"),
    ],
)
def test_a_worker_writes_nothing_for_an_account_that_is_suspended(
    monkeypatch: pytest.MonkeyPatch, state: GrantState, held: bool, ends: str
) -> None:
    by = admin()
    shared(by)
    late = shared(by, state=GrantState.REVOKED)
    suspended(by)
    Grant.objects.filter(pk=late.pk).update(state=state, wanted="present", unsettled_since=timezone.now())
    aws_holds(monkeypatch, *([late] if held else []))
    granting.reconcile(late.pk)
    late.refresh_from_db()
    said = late.failure if ends == "failed" else late.revoke_reason
    assert (late.state, late.wanted, "is suspended since" in said) == (ends, "absent", True)
    if ends == "failed":
        assert (late.failure_code, "resumes it on its page" in late.failure_next) == ("suspended", True)


def test_what_a_suspension_takes_away_itself_is_not_refused_but_suspended() -> None:
    by = admin()
    pending = shared(by, state=GrantState.PENDING, unsettled_since=timezone.now())
    made = suspended(by)
    found = look_again(pending)
    assert not found.is_kept_back, "its turn to be suspended comes"
    assert offboarding.run(made.pk).grants == [pending.pk]
    pending.refresh_from_db()
    assert (pending.state, pending.suspended_at is None) == (GrantState.REVOKING, False)


def test_a_worker_does_not_write_back_what_another_suspension_keeps_away(monkeypatch: pytest.MonkeyPatch) -> None:
    by = admin()
    shared(by)
    at = timezone.now()
    back = shared(by, state=GrantState.SUSPENDED, wanted="absent", suspended_at=at)
    suspended(by)
    half = factories.person(Role.OWNER, accounts=[back.policy.function.account])
    waits = {"state": GrantState.PENDING, "wanted": "present", "unsettled_since": at}
    Grant.objects.filter(pk=back.pk).update(**waits, resumed_by=half)
    aws_holds(monkeypatch)
    granting.reconcile(back.pk)
    back.refresh_from_db()
    assert (back.state, back.failure_code) == (GrantState.SUSPENDED, "suspended")
    Grant.objects.filter(pk=back.pk).update(**waits, resumed_by=by.person)
    assert not why_kept_back(look_again(back)), "who may resume the account may"


def aws_holds(monkeypatch: pytest.MonkeyPatch, *grants: Grant) -> None:
    """What GetPolicy answers; whoever writes anything is a defect."""

    def write(*_: Any, **__: Any) -> Any:
        raise AssertionError("AWS was told.")

    document = parse(json.dumps({"Version": "2012-10-17", "Statement": [one.statement for one in grants]}))
    monkeypatch.setattr("sharing.services.granting.door.Door.read", lambda _: Read(document, None, timezone.now()))
    monkeypatch.setattr("sharing.services.granting.door.Door.add", write)
    monkeypatch.setattr("sharing.services.granting.applying.remember", lambda *_: None)
    monkeypatch.setattr("sharing.services.granting.reconciling.remove", lambda grant, _: Outcome(grant))
