"""A person's name is erased everywhere, what AWS holds apart, and history still verifies and says so."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from sharing.models import Actor, Erasure, Event, Grant, Notice, User
from sharing.services import erasing, history, sealing
from sharing.services.errors import NotPermitted, Refusal
from tests import factories
from tests.commands.running import run
from tests.services.test_sealing import later, tamper

pytestmark = pytest.mark.django_db

OPERATOR = Actor.at_shell("ops")
EMAIL = "ann@example.com"


@pytest.fixture
def ann() -> User:
    """Somebody who did something, was told of it, and shared with a user in AWS who is called like her."""
    person = factories.person("owner", email=EMAIL, name="Ann Example")
    grant = factories.grant(factories.shareable(), requested_as=EMAIL)
    Grant.objects.filter(pk=grant.pk).update(
        principal=f"arn:aws:iam::222233334444:user/{EMAIL}", reason=f"asked by Ann Example <{EMAIL}>", requested_by=person
    )
    Notice.objects.create(kind="lease-ending", to=EMAIL, once=f"lease-7:1:{EMAIL}", person=person)
    history.record("grant.decided", f"{EMAIL} shares it with joann@example.com", by=Actor.of(person), grant=grant)
    history.record("test.written", "A line about nobody", by=Actor.system())
    return person


def erase(person: User) -> erasing.Gone:
    return erasing.erase(person, by=OPERATOR)


def test_the_name_is_nowhere_any_more_but_in_what_aws_holds(ann: User) -> None:
    gone = erase(ann)
    person = User.objects.get(pk=ann.pk)
    assert (person.email, person.name, person.is_active) == (f"{gone.name}@erased.invalid", "", False)
    assert not person.has_usable_password()
    grant = Grant.objects.get()
    assert (grant.requested_as, grant.reason) == (person.email, f"asked by {gone.name} <{person.email}>")
    assert grant.requested_by_id == ann.pk, "rows go on naming the person by id"
    assert grant.principal.endswith(EMAIL), "what AWS holds is not ours to rename"
    assert Notice.objects.get().to == person.email
    line = Event.objects.get(verb="grant.decided")
    assert (line.actor, line.person_id) == (person.email, ann.pk)
    assert line.text == f"{person.email} shares it with joann@example.com", "another address that ends alike"
    for event in Event.objects.all():
        assert EMAIL not in f" {event.text} {event.actor} {event.reason} {event.detail}".replace("joann", "")


def test_history_still_verifies_and_says_that_a_name_was_erased(ann: User) -> None:
    assert sealing.seal(later()) is not None
    gone = erase(ann)
    assert gone.sealed > 0
    found = sealing.verify()
    assert found.problems == ()
    assert any("a person's name was erased" in note for note in found.notes)
    assert Event.objects.filter(verb="person.erased", actor="operator ops").count() == 1
    assert sealing.seal(later(9)) is not None
    assert sealing.verify().problems == ()


def test_lines_too_young_to_be_sealed_are_sealed_as_they_are_afterwards(ann: User) -> None:
    gone = erase(ann)
    assert (gone.sealed, Erasure.objects.count()) == (0, 0)
    assert sealing.seal(later()) is not None
    assert sealing.verify().problems == ()


def test_two_people_in_one_line_are_erased_one_after_the_other(ann: User) -> None:
    ben = factories.person("owner", email="ben@example.com")
    history.record("test.written", f"{EMAIL} and ben@example.com", by=Actor.system())
    assert sealing.seal(later()) is not None
    erase(ann)
    erase(ben)
    assert sealing.verify().problems == ()


def test_a_line_that_was_changed_under_the_name_of_an_erasure_is_evident(ann: User) -> None:
    assert sealing.seal(later()) is not None
    erase(ann)
    line = Event.objects.get(verb="grant.decided")
    tamper("UPDATE sharing_event SET text = 'Other words' WHERE sequence = %s", line.sequence)
    (problem,) = sealing.verify().problems
    assert "changed after a name in it was erased" in problem


def test_an_erasure_that_history_does_not_tell_of_is_evident(ann: User) -> None:
    """Whoever writes to the database changes a line and makes up an erasure for it."""
    assert sealing.seal(later()) is not None
    line = Event.objects.get(verb="grant.decided")
    before = sealing.line_of(line).digest
    tamper("UPDATE sharing_event SET text = 'Other words' WHERE sequence = %s", line.sequence)
    after = sealing.line_of(Event.objects.get(pk=line.pk)).digest
    Erasure.objects.create(event=line.id, sequence=line.sequence, before=before, after=after)
    (problem,) = sealing.verify().problems
    assert "history does not tell of it" in problem


def test_an_export_carries_erasures(ann: User, tmp_path: Path) -> None:
    assert sealing.seal(later()) is not None
    erase(ann)
    path = tmp_path / "history.jsonl"
    assert run("export-history", str(path)).code == 0
    assert EMAIL not in path.read_text().replace(f"jo{EMAIL}", "")
    done = run("verify-history", "--export", str(path), "--json")
    assert (done.code, done.items[0]["problems"]) == (0, [])


def test_only_admins_erase_and_neither_themselves_nor_the_last_one(ann: User) -> None:
    with pytest.raises(NotPermitted):
        erasing.erase(ann, by=Actor.of(factories.person("owner")))
    admin = factories.person("admin")
    with pytest.raises(Refusal):
        erasing.erase(admin, by=Actor.of(admin))
    with pytest.raises(Refusal):
        erase(admin)
    assert User.objects.get(pk=ann.pk).email == EMAIL


def test_the_command_wants_to_hear_that_it_is_meant(ann: User) -> None:
    assert run("erase-person", EMAIL).code == 2
    assert User.objects.filter(email=EMAIL).exists()
    assert run("erase-person", "nobody@example.com", "--for-good").code == 1
    done = run("erase-person", EMAIL, "--for-good", "--json")
    assert done.code == 0
    assert not User.objects.filter(email=EMAIL).exists()
    assert timezone.now() - Event.objects.get(verb="person.erased").at < timedelta(minutes=1)
