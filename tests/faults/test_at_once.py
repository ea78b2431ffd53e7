"""Clicks at the same moment, over HTTP: double clicks, two tabs, two people, twenty on one function."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest

from tests.faults.agreement import agree
from tests.faults.person import Answer, Form, Person
from tests.faults.stage import Stage

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

T = TypeVar("T")


def at_once(*doings: Callable[[], T]) -> list[T]:
    """Do all of it in threads that begin at the same moment; what each gave back."""
    ready = Barrier(len(doings))

    def begin(doing: Callable[[], T]) -> T:
        ready.wait(30)
        return doing()

    with ThreadPoolExecutor(len(doings)) as pool:
        return list(pool.map(begin, doings))


def confirmed(person: Person, form: Form) -> Callable[[], Answer]:
    window = person.again()
    return lambda: window.confirm(form)


def of(stage: Stage, *forms: Form) -> list[str]:
    """The grants that these forms made, each once."""
    tokens = {form.fields["form_token"] for form in forms}
    return [str(grant["pk"]) for grant in stage.grants() if grant["form_token"] in tokens]


def test_a_double_click_is_one_click(stage: Stage) -> None:
    ann = stage.person()
    form = ann.preview(stage.function("hello_world"), "555555555501")
    answers = at_once(*[confirmed(ann, form)] * 4)
    assert [answer.status for answer in answers] == [302] * 4, [answer.said for answer in answers]
    (grant,) = of(stage, form)
    stage.settled(grant, "active")
    late = ann.confirm(form)  # the back button, and the button again
    assert late.status == 302, late.said
    assert of(stage, form) == [grant]
    agree(stage)


def test_a_double_click_on_revoke_is_one_revoke(stage: Stage) -> None:
    ann = stage.person()
    grant = stage.share("hello_world", "555555555502")
    stage.settled(grant, "active")
    path = f"/grants/{grant}/revoke/"
    form = ann.get(path).form(path)
    windows = [ann.again() for _ in range(4)]
    answers = at_once(*[lambda window=window: window.send(form) for window in windows])
    assert [answer.status for answer in answers] == [302] * 4, [answer.said for answer in answers]
    stage.settled(grant, "revoked")
    agree(stage)


def test_two_tabs_with_the_same_wish_make_one_grant(stage: Stage) -> None:
    ann = stage.person()
    function = stage.function("session-cleanup")
    tabs = [ann.preview(function, "555555555503") for _ in range(2)]
    answers = at_once(*[confirmed(ann, tab) for tab in tabs])
    assert [answer.status for answer in answers] == [302, 302], [answer.said for answer in answers]
    (grant,) = of(stage, *tabs)
    stage.settled(grant, "active")
    agree(stage)


def test_two_tabs_one_of_which_is_old_do_no_harm(stage: Stage) -> None:
    """One tab still asks to revoke what the other has revoked and shared anew."""
    ann = stage.person()
    first = stage.share("session-cleanup", "555555555504")
    stage.settled(first, "active")
    path = f"/grants/{first}/revoke/"
    old = ann.get(path).form(path)
    stage.revoke(first)
    stage.settled(first, "revoked")
    second = stage.share("session-cleanup", "555555555504")
    stage.settled(second, "active")
    assert ann.send(old).status == 302
    assert stage.grant(first)["state"] == "revoked"
    assert stage.grant(second)["state"] == "active"
    agree(stage)


def test_a_form_that_was_changed_after_back_is_a_new_wish(stage: Stage) -> None:
    ann = stage.person()
    form = ann.preview(stage.function("session-cleanup"), "555555555505")
    assert ann.confirm(form).status == 302
    changed = ann.send(form, who="555555555506", step="preview").form(form.action)
    assert ann.confirm(changed).status == 302
    for each, number in ((form, "555555555505"), (changed, "555555555506")):
        (grant,) = of(stage, each)
        assert stage.settled(grant, "active")["principal"] == number
    agree(stage)


def test_a_preview_that_is_out_of_date_is_shown_again(stage: Stage) -> None:
    ann = stage.person()
    form = ann.preview(stage.function("session-cleanup"), "555555555507")
    answer = ann.send(form, who="555555555508", step="grant")  # not what `seen` stands for
    assert answer.status == 422
    assert "The preview was not up to date" in answer.words
    assert of(stage, form) == []
    agree(stage)


def test_grant_and_revoke_at_the_same_moment_end_as_the_last_decision_says(stage: Stage) -> None:
    """Revoked while it is being written: it ends revoked, and AWS does not hold it."""
    arn, number = stage.arn("session-cleanup"), "555555555509"
    stage.demo.controls.fault("AddPermission", "before", "hold", target=arn)
    grant = stage.share("session-cleanup", number)
    stage.wait_until_held()
    stage.revoke(grant, by=stage.person("second owner"))
    assert stage.grant(grant)["wanted"] == "absent"
    stage.demo.controls.release()
    assert stage.settled(grant, "revoked")["failure"] == ""
    assert number not in _accounts(stage.stored(arn))
    agree(stage)


def test_twenty_people_at_once_on_one_function_lose_nothing(stage: Stage) -> None:
    """Parallel AddPermission calls lose statements; one writer at a time loses none."""
    function, arn = stage.function("hello_world"), stage.arn("hello_world")
    before = len(stage.stored(arn))
    people = [stage.person("owner"), stage.person("second owner")]
    wishes = [(people[number % 2], f"5555555556{number:02d}") for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        forms = list(pool.map(lambda wish: wish[0].again().preview(function, wish[1]), wishes))
    pairs = zip(wishes, forms, strict=True)
    answers = at_once(*[confirmed(person, form) for (person, _), form in pairs])
    assert Counter(answer.status for answer in answers) == {302: 20}, [answer.said for answer in answers]
    grants = of(stage, *forms)
    assert len(grants) == 20
    for grant in grants:
        stage.settled(grant, "active", seconds=120)
    held = stage.stored(arn)
    assert len(held) == before + 20
    assert {number for _, number in wishes} <= set(_accounts(held))
    agree(stage)
    # And all of them away again, at once.
    answers = at_once(*[_revoked(people[number % 2], grant) for number, grant in enumerate(grants)])
    assert Counter(answer.status for answer in answers) == {302: 20}, [answer.said for answer in answers]
    for grant in grants:
        stage.settled(grant, "revoked", seconds=120)
    assert len(stage.stored(arn)) == before
    agree(stage)


def _revoked(person: Person, grant: str) -> Callable[[], Answer]:
    window = person.again()
    return lambda: window.revoke(grant)


def _accounts(statements: Sequence[object]) -> list[str]:
    text = json.dumps(statements)
    return [part.partition(":root")[0] for part in text.split("arn:aws:iam::")[1:]]
