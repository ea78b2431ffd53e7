"""Groups of consumers: shared with by name; who joins gets, who leaves loses, and both are seen before."""

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from sharing.models import Account, Actor, Bulk, BulkState, Event, Grant, Group, GroupShare, Role, Wanted
from sharing.services import bulk as bulks
from sharing.services import groups
from sharing.services.bulk import Line, Outcome, deciding
from sharing.services.errors import NotPermitted, Refusal
from tests import factories
from tests.services.estate import Estate
from tests.services.kept import ACME, GLOBEX, INITECH, owner
from tests.services.test_granting_deciding import together

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def platform() -> Account:
    return owner()


@pytest.fixture
def ann() -> Actor:
    return Actor.of(factories.person(Role.OWNER, email="ann@example.com"))


def confirm(bulk: Bulk, by: Actor) -> Bulk:
    return bulks.confirm(bulk, by=by, judged_at=bulk.judged_at)


def team(by: Actor, *numbers: str) -> Group:
    group = groups.make("Team Blue", by=by)
    confirm(groups.join(group, numbers, by=by), by)
    return group


def share(by: Actor, function: str, who: str = "team blue") -> Bulk:
    return bulks.draft([Line(1, function, who, reason="They need it")], title="x", reason="x", by=by)


def numbers(group: Group) -> set[str]:
    return set(group.members.values_list("number", flat=True))


def test_two_previews_confirmed_one_after_the_other_hold_to_the_limit_and_are_told_once(
    ann: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = groups.make("Team Blue", by=ann)
    first, second = (groups.join(group, [number], by=ann) for number in (ACME, GLOBEX))
    confirm(first, ann)
    with monkeypatch.context() as at_most_one:
        at_most_one.setattr("sharing.services.bulk.grouping.MOST", 1)
        with pytest.raises(Refusal, match="at most 1 account"):
            confirm(second, ann)
    assert numbers(group) == {ACME}
    whole = groups.leave(group, [], by=ann, ends_group=True)
    confirm(second, ann)
    with pytest.raises(Refusal, match="has changed"):
        confirm(whole, ann)  # Globex would keep what it got
    leaving = [groups.leave(group, [ACME], by=ann) for _ in range(2)]
    confirm(leaving[0], ann)
    with pytest.raises(Refusal, match="has changed"):
        confirm(leaving[1], ann)
    assert Event.objects.filter(verb="group.left").count() == 1


def test_a_group_s_name_stands_for_its_members(platform: Account, ann: Actor) -> None:
    group = team(ann, ACME, GLOBEX)
    function = factories.function("hello", platform)
    bulk = share(ann, "hello")
    assert [item.who for item in bulk.items.all()] == [ACME, GLOBEX]
    assert not GroupShare.objects.exists()
    confirm(bulk, ann)
    kept = GroupShare.objects.get()
    assert (kept.group, kept.policy.function, kept.items.count()) == (group, function, 2)


def test_an_account_of_that_name_is_meant_first_and_the_group_with_its_prefix(platform: Account, ann: Actor) -> None:
    team(ann, ACME, GLOBEX)
    factories.function("hello", platform)
    factories.account("Team Blue", INITECH)
    assert [item.who for item in share(ann, "hello").items.all()] == [INITECH]
    assert [item.who for item in share(ann, "hello", "group:Team Blue").items.all()] == [ACME, GLOBEX]


@pytest.mark.parametrize(
    "name", ["", "Acme", "111122223333", "everyone", "s3", "o-a1b2c3d4e5", "x:y", "team blue", "x" * 81, "*"]
)
def test_a_name_that_means_somebody_else_is_refused(ann: Actor, name: str) -> None:
    factories.account("Acme", ACME)
    groups.make("Team Blue", by=ann)
    with pytest.raises(Refusal):
        groups.make(name, by=ann)


def test_nobody_is_a_member_before_it_is_confirmed_and_then_gets_what_was_shown(platform: Account, ann: Actor) -> None:
    group = team(ann, ACME)
    factories.function("hello", platform)
    confirm(share(ann, "hello"), ann)
    joining = groups.join(group, [GLOBEX, ACME], by=ann, form_token="form")
    assert groups.join(group, [GLOBEX, ACME], by=ann, form_token="form") == joining
    assert [item.who for item in joining.items.all()] == [GLOBEX]
    assert numbers(group) == {ACME}
    confirm(joining, ann)
    assert numbers(group) == {ACME, GLOBEX}
    assert GroupShare.objects.get().items.count() == 2
    assert Event.objects.filter(verb="group.joined").count() == 2


def test_a_form_that_was_changed_after_back_is_another_preview(ann: Actor) -> None:
    group = groups.make("Team Blue", by=ann)
    first, second = (groups.join(group, [number], by=ann, form_token="form") for number in (ACME, GLOBEX))
    confirm(second, ann)
    first.refresh_from_db()
    assert (first.state, first.joins) == (BulkState.DRAFT, [ACME])
    assert numbers(group) == {GLOBEX}


def test_more_than_one_bulk_holds_is_not_joined_at_once(platform: Account, ann: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    group = team(ann, ACME)
    factories.function("hello", platform)
    confirm(share(ann, "hello"), ann)
    monkeypatch.setattr("sharing.services.bulk.lines.MOST", 1)
    with pytest.raises(Refusal) as refused:
        groups.join(group, [GLOBEX, INITECH], by=ann)
    assert refused.value.code == "too-many"
    assert groups.join(group, [GLOBEX], by=ann).items.count() == 1


def test_who_leaves_gets_nothing_that_no_worker_had_begun_and_nothing_that_failed(platform: Account, ann: Actor) -> None:
    group = team(ann, ACME, GLOBEX, INITECH)
    factories.function("hello", platform)
    bulk = confirm(share(ann, "hello"), ann)
    bulk.items.filter(who=INITECH).update(state="failed", failure="no")
    for number in (ACME, INITECH):
        confirm(groups.leave(group, [number], by=ann), ann)
    assert {item.who: item.state for item in bulk.items.all()} == {ACME: "cancelled", GLOBEX: "waiting", INITECH: "failed"}
    assert "left the group" in bulks.happened(bulk.items.get(who=ACME))[0]
    assert bulks.retryable(bulk) == 0
    bulk.items.filter(who=GLOBEX).update(state="failed", failure="no")
    assert bulks.retryable(bulk) == 1


def test_a_preview_of_what_is_no_more_so_is_not_confirmed(platform: Account, ann: Actor) -> None:
    group = team(ann, ACME)
    factories.function("hello", platform)
    joining = groups.join(group, [GLOBEX], by=ann)
    sharing = share(ann, "hello")
    confirm(sharing, ann)  # now something is shared that the preview of the joining did not show
    with pytest.raises(Refusal) as refused:
        confirm(joining, ann)
    assert refused.value.code == "stale"
    assert numbers(group) == {ACME}
    late = share(ann, "hello")
    confirm(groups.join(group, [GLOBEX], by=ann), ann)
    with pytest.raises(Refusal):
        confirm(late, ann)
    late.refresh_from_db()
    assert late.state == BulkState.DRAFT


@pytest.mark.django_db(transaction=True)
def test_who_joins_at_the_moment_in_which_something_is_shared_with_the_group_is_not_forgotten(
    platform: Account, ann: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = team(ann, ACME)
    factories.function("hello", platform)
    joining, sharing = groups.join(group, [GLOBEX], by=ann), share(ann, "hello")
    tell, written = deciding._tell, threading.Event()

    def slowly(*args: Any, **said: Any) -> None:
        tell(*args, **said)
        written.set()
        time.sleep(0.3)  # all is written, nothing committed

    def share_meanwhile() -> Bulk:
        assert written.wait(10)
        return confirm(sharing, ann)

    monkeypatch.setattr(deciding, "_tell", slowly)
    joined, refused = together(lambda: confirm(joining, ann), share_meanwhile)
    assert joined == joining
    assert isinstance(refused, Refusal)
    assert refused.code == "stale"


def test_whoever_changes_members_sees_all_that_is_shared_with_them(platform: Account, ann: Actor) -> None:
    group = team(ann, ACME)
    factories.function("hello", platform)
    confirm(share(ann, "hello"), ann)
    half = Actor.of(factories.person(Role.OWNER, accounts=[owner("Other")]))
    assert groups.shared_with(group, by=half) == []
    auditor = Actor.of(factories.person(Role.AUDITOR))
    for by in (half, auditor):
        with pytest.raises(NotPermitted):
            groups.join(group, [GLOBEX], by=by)
        with pytest.raises(NotPermitted):
            groups.leave(group, [ACME], by=by)
        with pytest.raises(NotPermitted):
            groups.dissolve(group, by=by)


def test_what_was_taken_back_is_not_looked_at_as_a_preview_any_more(platform: Account, ann: Actor) -> None:
    group = team(ann, ACME)
    function = factories.function("hello", platform)
    confirm(share(ann, "hello"), ann).items.update(state="made", grant=factories.grant(function, ACME))
    leaving = groups.leave(group, [ACME], by=ann)
    assert bulks.verdicts(bulks.judge_again(leaving, by=ann)) == {"ok": 1}
    confirm(leaving, ann)
    leaving.items.update(state="made")
    Grant.objects.update(state="revoked")
    with pytest.raises(Refusal) as refused:
        bulks.judge_again(leaving, by=ann)
    assert refused.value.code == "stale"
    assert bulks.tally(leaving) == {Outcome.OVER: 1}


def test_what_a_member_keeps_of_a_share_that_ended_is_in_scope_too_of_who_removes_it(platform: Account, ann: Actor) -> None:
    group = team(ann, ACME)
    function = factories.function("hello", platform)
    bulk = confirm(share(ann, "hello"), ann)
    bulk.items.update(state="made", grant=factories.grant(function, ACME))
    GroupShare.objects.update(ended_at=timezone.now())
    half = Actor.of(factories.person(Role.OWNER, accounts=[owner("Other")]))
    with pytest.raises(NotPermitted):
        groups.leave(group, [ACME], by=half)
    assert groups.leave(group, [ACME], by=ann).items.count() == 1


def test_deleted_without_taking_back_the_shares_stay_and_the_name_is_free(platform: Account, ann: Actor) -> None:
    group = team(ann, ACME)
    factories.function("hello", platform)
    confirm(share(ann, "hello"), ann)
    groups.dissolve(group, by=ann)
    assert GroupShare.objects.get().ended_at is not None
    assert groups.make("Team Blue", by=ann) != group


@pytest.mark.usefixtures("unpaced")
def test_in_aws_a_member_that_leaves_loses_only_what_the_group_gave_it(sandbox: "Sandbox") -> None:
    estate = Estate(sandbox)
    hello, render = (estate.read(estate.policy(name)) for name in ("hello_world", "invoice-render"))
    first, second = "700000000001", "700000000002"
    group = team(estate.by, first, second)
    own = estate.shared(hello, first)
    lines = [Line(n, policy.arn, "Team Blue", reason="x") for n, policy in enumerate((hello, render), start=1)]
    bulk = confirm(bulks.draft(lines, title="x", reason="x", by=estate.by), estate.by)
    work(bulk)
    assert bulks.tally(bulk) == {Outcome.ACTIVE: 3, Outcome.ALREADY: 1}
    leaving = groups.leave(group, [first], by=estate.by)
    assert leaving.wanted == Wanted.ABSENT
    assert [(item.who, item.place.policy) for item in leaving.items.all() if item.place] == [(first, render)]
    confirm(leaving, estate.by)
    work(leaving)
    assert numbers(group) == {second}
    assert bulks.tally(leaving) == {Outcome.OVER: 1}
    assert set(Grant.objects.filter(state="active", principal=first)) == {own}
    deleting = confirm(groups.leave(group, [], by=estate.by, ends_group=True), estate.by)
    work(deleting)
    assert set(Grant.objects.filter(state="active")) == {own}
    group.refresh_from_db()
    assert group.deleted_at is not None


def work(bulk: Bulk) -> None:
    while bulks.work(bulk.pk).more:
        pass
