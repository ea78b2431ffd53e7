"""Seals over history: what they cover, and that tampering is evident."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from sharing.models import Actor, AppendOnly, Event, Seal
from sharing.services import history, sealing

pytestmark = pytest.mark.django_db


def write(lines: int) -> list[Event]:
    return [history.record("test.written", f"Line {number}", by=Actor.system()) for number in range(lines)]


def later(minutes: float = 5) -> Any:
    return timezone.now() + timedelta(minutes=minutes)


def tamper(statement: str, *values: Any) -> None:
    """Past the models, as somebody with the database's password would."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_what_is_young_is_not_sealed_yet() -> None:
    write(3)
    assert sealing.seal(timezone.now()) is None
    assert sealing.verify() == sealing.Verified(0, 0, 3, None, ())


def test_each_seal_goes_on_where_the_last_one_ended() -> None:
    first, *_, last = write(3)
    one = sealing.seal(later())
    assert one is not None
    assert (one.last, one.count) == (last.sequence, 3)
    assert sealing.seal(later()) is None
    write(2)
    two = sealing.seal(later())
    assert two is not None
    assert two.first == last.sequence + 1
    assert two.digest != one.digest
    found = sealing.verify()
    assert (found.seals, found.events, found.unsealed, found.problems) == (2, 5, 0, ())
    assert first.sequence >= one.first


def test_a_changed_line_is_evident() -> None:
    events = write(3)
    sealing.seal(later())
    tamper("UPDATE sharing_event SET actor = %s WHERE sequence = %s", "somebody else", events[1].sequence)
    (problem,) = sealing.verify().problems
    assert "not as they were sealed" in problem


def test_a_removed_line_is_named() -> None:
    events = write(3)
    sealing.seal(later())
    tamper("DELETE FROM sharing_event WHERE sequence = %s", events[1].sequence)
    (problem,) = sealing.verify().problems
    assert f"line {events[1].sequence} was removed" in problem


def test_a_seal_made_anew_does_not_fit_the_next_one() -> None:
    events = write(2)
    one = sealing.seal(later())
    write(2)
    sealing.seal(later())
    assert one is not None
    tamper("UPDATE sharing_event SET text = %s WHERE sequence = %s", "Other words", events[0].sequence)
    lines = [sealing.line_of(event) for event in Event.objects.filter(sequence__lte=one.last).order_by("sequence")]
    forged = sealing.digest_of("", lines)
    tamper("UPDATE sharing_seal SET digest = %s WHERE number = %s", forged, one.number)
    assert len(sealing.verify().problems) == 1


def test_a_removed_seal_is_evident() -> None:
    for _ in range(3):
        write(2)
        sealing.seal(later())
    tamper("DELETE FROM sharing_seal WHERE number = %s", Seal.objects.all()[1].number)
    assert any("a seal was removed" in problem for problem in sealing.verify().problems)


def test_a_line_that_was_committed_late_is_sealed_with_the_next_and_one_slipped_in_is_evident() -> None:
    events = write(4)
    gap, slipped = events[1].sequence, events[2].sequence
    kept = {event.sequence: Event.objects.filter(pk=event.pk).values().get() for event in events}
    tamper("DELETE FROM sharing_event WHERE sequence IN (%s, %s)", gap, slipped)
    one = sealing.seal(later())
    assert one is not None
    assert one.gaps == [gap, slipped]
    Event.objects.create(**kept[gap])
    write(1)
    two = sealing.seal(later(6))
    assert two is not None
    assert two.late == [gap]
    assert sealing.verify().problems == ()
    Event.objects.create(**{**kept[slipped], "at": timezone.now() - timedelta(days=1)})
    assert sealing.verify().problems == (f"Line {slipped} was not there when its neighbours were sealed.",)


def test_two_workers_at_once_seal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    write(2)
    first = sealing.seal(later())
    assert first is not None
    monkeypatch.setattr(Seal.objects, "last", lambda: None)
    assert sealing.seal(later()) is None
    monkeypatch.undo()
    assert Seal.objects.count() == 1


def test_seals_are_never_changed_through_the_models() -> None:
    write(1)
    one = sealing.seal(later())
    assert one is not None
    for act in (one.save, one.delete, Seal.objects.all().delete, lambda: Seal.objects.update(digest="")):
        with pytest.raises(AppendOnly):
            act()


def test_every_field_of_a_line_is_sealed() -> None:
    """A field that is added to events and forgotten here could be changed unseen."""
    assert {field.attname for field in Event._meta.concrete_fields} == set(sealing.FIELDS)
