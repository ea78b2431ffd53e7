"""Many shares: confirmed once, paused, resumed, cancelled, tried again, taken back; by whom, and what history keeps."""

import itertools
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sharing.models import Account, Actor, Bulk, BulkItem, BulkItemState, BulkState, Event, Grant, GrantState, Role
from sharing.services import bulk as bulks
from sharing.services.bulk import Line, Outcome, deciding, telling, working
from sharing.services.errors import NotFound, NotPermitted, Refusal
from tests import factories
from tests.services.kept import ACME, GLOBEX, owner
from tests.services.test_granting_deciding import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def platform() -> Account:
    return owner()


@pytest.fixture
def ann() -> Actor:
    return Actor.of(factories.person(Role.OWNER, email="ann@example.com"))


def drafted(platform: Account, by: Actor, many: int = 3) -> Bulk:
    names = [factories.function(of=platform).name for _ in range(many)]
    lines = [Line(n, name, ACME, reason="They need it") for n, name in enumerate(names, start=1)]
    return bulks.draft(lines, title="Three", reason="They need it", by=by)


def confirmed(platform: Account, by: Actor, many: int = 3) -> Bulk:
    bulk = drafted(platform, by, many)
    return bulks.confirm(bulk, by=by, judged_at=bulk.judged_at)


def verbs(bulk: Bulk) -> list[str]:
    return list(Event.objects.filter(detail__bulk=str(bulk.pk)).order_by("sequence").values_list("verb", flat=True))


def test_confirming_twice_is_once(platform: Account, ann: Actor) -> None:
    bulk = confirmed(platform, ann)
    assert bulks.confirm(bulk, by=ann, judged_at=bulk.judged_at).state == BulkState.RUNNING
    assert verbs(bulk) == ["bulk.confirmed"]
    assert Event.objects.get(verb="bulk.confirmed").account == platform


def test_only_the_verdicts_that_were_seen_are_confirmed(platform: Account, ann: Actor) -> None:
    bulk = drafted(platform, ann)
    seen = bulk.judged_at
    bulks.judge_again(bulk, by=ann)
    with pytest.raises(Refusal) as refused:
        bulks.confirm(bulk, by=ann, judged_at=seen)
    assert refused.value.code == "stale"


def test_an_old_preview_is_made_anew_and_shown_first(platform: Account, ann: Actor) -> None:
    bulk = drafted(platform, ann)
    old = timezone.now() - timedelta(hours=1)
    Bulk.objects.update(judged_at=old)
    bulk.refresh_from_db()
    function = bulk.places.get(number=1).policy.function
    function.vanished_at = timezone.now()
    function.save()
    with pytest.raises(Refusal):
        bulks.confirm(bulk, by=ann, judged_at=old)
    bulk.refresh_from_db()
    assert bulk.state == BulkState.DRAFT
    assert sorted(bulks.verdicts(bulk).values()) == [1, 2]


def test_nothing_to_share_is_refused(platform: Account, ann: Actor) -> None:
    bulk = bulks.draft([Line(1, "nothing", ACME, reason="x")], title="x", reason="x", by=ann)
    with pytest.raises(Refusal):
        bulks.confirm(bulk, by=ann, judged_at=bulk.judged_at)


def test_auditors_decide_nothing_and_strangers_see_nothing(platform: Account, ann: Actor) -> None:
    bulk = confirmed(platform, ann)
    auditor = Actor.of(factories.person(Role.AUDITOR))
    stranger = Actor.of(factories.person(Role.OWNER, accounts=[owner("Other")]))
    for act in (bulks.pause, bulks.resume, bulks.cancel, bulks.retry):
        with pytest.raises(NotPermitted):
            act(bulk, by=auditor)
        with pytest.raises(NotFound):
            act(bulk, by=stranger)
    with pytest.raises(NotPermitted):
        bulks.take_back(bulk, by=auditor, reason="x")
    assert Bulk.objects.visible_to(auditor).exists()
    assert not Bulk.objects.visible_to(stranger).exists()


def test_a_bulk_is_seen_by_who_sees_all_of_its_functions(platform: Account, ann: Actor) -> None:
    other = owner("Other")
    lines = [Line(n, factories.function(of=of).arn, ACME, reason="x") for n, of in enumerate((platform, other), start=1)]
    bulk = bulks.draft(lines, title="x", reason="x", by=ann)
    bulks.confirm(bulk, by=ann, judged_at=bulk.judged_at)
    half = Actor.of(factories.person(Role.OWNER, accounts=[platform]))
    both = Actor.of(factories.person(Role.OWNER, accounts=[platform, other]))
    assert not Bulk.objects.visible_to(half).exists()
    assert Bulk.objects.visible_to(both).exists()


def test_paused_nothing_is_begun_and_resumed_it_is_due(platform: Account, ann: Actor) -> None:
    bulk = confirmed(platform, ann)
    bulks.pause(bulk, by=ann)
    assert bulks.due(timezone.now()) == []
    assert not bulks.work(bulk.pk).more
    assert not Grant.objects.exists()
    bulks.resume(bulk, by=ann)
    assert bulks.due(timezone.now()) == [(bulk.pk, 3)]
    assert verbs(bulk) == ["bulk.confirmed", "bulk.paused", "bulk.resumed"]


def test_cancelling_leaves_what_is_done_and_ends_it(platform: Account, ann: Actor) -> None:
    bulk = confirmed(platform, ann)
    item = bulk.items.get(number=1)
    BulkItem.objects.filter(pk=item.pk).update(state="made", grant=factories.grant(item.place.policy.function))  # type: ignore[union-attr]
    bulks.cancel(bulk, by=ann)
    bulks.work(bulk.pk)
    bulk.refresh_from_db()
    assert bulk.state == BulkState.DONE
    assert bulks.tally(bulk) == {Outcome.ACTIVE: 1, Outcome.CANCELLED: 2}
    assert verbs(bulk)[-1] == "bulk.finished"


def test_trying_again_takes_only_what_failed_and_not_what_a_person_refused(platform: Account, ann: Actor) -> None:
    bulk = confirmed(platform, ann, many=4)
    codes = ("refused", "declined")
    for item, code in zip(bulk.items.all()[:2], codes, strict=True):
        refused = factories.grant(item.place.policy.function, state=GrantState.FAILED, failure="no", failure_code=code)  # type: ignore[union-attr]
        BulkItem.objects.filter(pk=item.pk).update(state="made", grant=refused)
    BulkItem.objects.filter(pk=bulk.items.get(number=3).pk).update(state="failed", failure="no")
    Bulk.objects.update(state="done")
    tokens = {item.number: item.form_token for item in bulk.items.all()}
    bulks.retry(bulk, by=ann)
    again = {item.number for item in bulk.items.all() if item.form_token != tokens[item.number]}
    assert again == {1, 3}
    assert bulk.state == BulkState.RUNNING


def test_taking_back_leaves_what_others_shared(platform: Account, ann: Actor) -> None:
    bulk = confirmed(platform, ann)
    first, second, _third = bulk.items.all()
    for item, state in ((first, "made"), (second, "skipped")):
        BulkItem.objects.filter(pk=item.pk).update(state=state, grant=factories.grant(item.place.policy.function))  # type: ignore[union-attr]
    bulks.take_back(bulk, by=ann, reason="Over")
    assert bulks.tally(bulk) == {Outcome.WAITING: 1, Outcome.ALREADY: 1, Outcome.CANCELLED: 1}


def test_each_item_has_exactly_one_outcome_and_the_counts_agree_with_the_rows(platform: Account, ann: Actor) -> None:
    bulk = confirmed(platform, ann, many=1)
    rows = bulk.items.all()
    grants = [factories.grant(state=state, approved_at=timezone.now()) for state in GrantState.values]
    grants.append(factories.grant(state="failed", failure_code="withdrawn"))
    for state, grant, failure in itertools.product(BulkItemState.values, (None, *grants), ("", "no")):
        if state == "made" and grant is None:
            continue  # a constraint: what was made has a grant
        rows.update(state=state, grant=grant, failure=failure)
        (counted,) = bulks.tally(bulk).items()
        assert counted == (bulks.outcome_of(bulk.items.select_related("grant").get()), 1)
        assert telling.items(bulk, outcome=counted[0].value).count() == 1


def test_a_preview_nobody_confirmed_is_forgotten(platform: Account, ann: Actor) -> None:
    kept = confirmed(platform, ann)
    drafted(platform, ann)
    Bulk.objects.update(created_at=timezone.now() - timedelta(days=2), judged_at=timezone.now() - timedelta(days=2))
    bulks.forget(timezone.now())
    assert list(Bulk.objects.all()) == [kept]


def test_an_old_preview_that_somebody_looks_at_stays(platform: Account, ann: Actor) -> None:
    bulk = drafted(platform, ann)
    Bulk.objects.update(created_at=timezone.now() - timedelta(days=2))
    bulks.forget(timezone.now())
    assert list(Bulk.objects.all()) == [bulk]


def test_a_form_that_was_changed_after_back_is_another_preview(platform: Account, ann: Actor) -> None:
    name, end = factories.function(of=platform).name, timezone.now().replace(second=10) + timedelta(days=90)
    lines = {who: [Line(1, name, who, ends_at=end, reason="x")] for who in (ACME, GLOBEX)}
    first, second = (bulks.draft(lines[who], title="x", reason="x", by=ann, form_token="f") for who in (ACME, GLOBEX))
    assert [bulk.items.get().who for bulk in (first, second)] == [ACME, GLOBEX]
    counted_anew = [Line(1, name, ACME, ends_at=end + timedelta(seconds=1), reason="x")]
    assert bulks.draft(counted_anew, title="x", reason="x", by=ann, form_token="f") == first
    ben = Actor.of(factories.person(Role.OWNER))
    assert bulks.draft(lines[ACME], title="x", reason="x", by=ben, form_token="f") not in (first, second)


def test_verdicts_made_anew_in_another_tab_are_not_confirmed_unseen(platform: Account, ann: Actor) -> None:
    bulk = drafted(platform, ann)
    bulks.judge_again(Bulk.objects.get(), by=ann)
    with pytest.raises(Refusal) as refused:
        bulks.confirm(bulk, by=ann, judged_at=bulk.judged_at)
    assert refused.value.code == "stale"
    assert Bulk.objects.get().state == BulkState.DRAFT


def test_what_failed_is_tried_again_while_paused_once_it_is_resumed(platform: Account, ann: Actor) -> None:
    bulk = confirmed(platform, ann)
    bulks.pause(bulk, by=ann)
    BulkItem.objects.filter(pk=bulk.items.get(number=1).pk).update(state="failed", failure="no")
    assert bulks.retry(bulk, by=ann).state == BulkState.PAUSED
    assert bulks.tally(bulk) == {Outcome.WAITING: 3}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("decide", ["take back", "retry"])
def test_a_decision_at_the_moment_in_which_a_worker_ends_it_is_not_lost(
    platform: Account, ann: Actor, monkeypatch: pytest.MonkeyPatch, decide: str
) -> None:
    bulk = confirmed(platform, ann, many=1)
    place = bulk.places.get()
    state = GrantState.ACTIVE if decide == "take back" else GrantState.FAILED
    BulkItem.objects.update(state="made", grant=factories.grant(place.policy.function, state=state))
    tell, written = deciding._tell, threading.Event()

    def slowly(*args: Any, **said: Any) -> None:
        tell(*args, **said)
        written.set()
        time.sleep(0.3)  # all is written, nothing committed

    def end() -> None:
        assert written.wait(10)
        working._close_if_done(bulk, place)
        working._end_if_done(bulk)

    monkeypatch.setattr(deciding, "_tell", slowly)
    if decide == "take back":
        done = together(lambda: bulks.take_back(bulk, by=ann, reason="Over"), end)
    else:
        done = together(lambda: bulks.retry(bulk, by=ann), end)
    assert done == [bulk, None]
    bulk.refresh_from_db()
    place.refresh_from_db()
    assert (bulk.state, place.open, bulk.items.get().state) == (BulkState.RUNNING, True, "waiting")
    assert bulks.due(timezone.now()) == [(bulk.pk, 1)]
