"""Several grants that vanished together: previewed, ticked, restored one by one, each outcome told."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.models import Actor, Function, Grant, GrantState, Role, User
from sharing.services import granting
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ola() -> User:
    return factories.person(Role.OWNER, email="ola@example.com")


@pytest.fixture
def function() -> Function:
    account = factories.account("Platform", "111111111111")
    factories.connection(account)
    factories.account("Acme Retail", "222222222222")
    return factories.function("label-uploads", account)


@pytest.fixture
def owner(client: Client, ola: User) -> Client:
    client.force_login(ola)
    return client


def vanished(function: Function, by: User, who: str, **more: Any) -> Grant:
    policy = function.policies.select_related("function__account", "current").get(qualifier="")
    ends_at = timezone.now() + timedelta(days=90)
    plan = granting.plan(policy=policy, who=who, by=Actor.of(by), ends_at=ends_at, **more)
    grant = granting.grant(plan, reason="OPS-812", by=Actor.of(by))
    Grant.objects.filter(pk=grant.pk).update(
        state=GrantState.VANISHED, settled_at=timezone.now(), unsettled_since=None, event_source_token=""
    )
    return Grant.objects.get(pk=grant.pk)


def address(function: Function) -> str:
    return reverse("function-restore", args=[function.pk])


def text_of(response: Any) -> str:
    return html.unescape(str(response.content.decode()))


def test_two_or_more_are_offered_together_on_the_function_page(owner: Client, function: Function, ola: User) -> None:
    vanished(function, ola, "222222222222")
    page = reverse("function-detail", args=[function.pk])
    assert "vanished together" not in text_of(owner.get(page))
    vanished(function, ola, "333333333333")
    shown = text_of(owner.get(page))
    assert "2 grants vanished together" in shown
    assert f'href="{address(function)}"' in shown


def test_the_preview_says_what_is_written_again_and_writes_nothing(owner: Client, function: Function, ola: User) -> None:
    vanished(function, ola, "222222222222")
    ended = vanished(function, ola, "333333333333")
    Grant.objects.filter(pk=ended.pk).update(ends_at=timezone.now() - timedelta(days=1))
    page = text_of(owner.get(address(function)))
    assert "Acme Retail may invoke label-uploads" in page
    assert "Not possible" in page
    assert "Its end date has passed" in page
    assert len(re.findall(r'<input class="form-check-input" type="checkbox" name="grant-', page)) == 1
    assert Grant.objects.count() == 2


def test_each_ticked_one_is_written_again_once(owner: Client, function: Function, ola: User) -> None:
    first, second = vanished(function, ola, "222222222222"), vanished(function, ola, "333333333333")
    sent = {"form_token": "one-form", f"grant-{first.pk}": "on"}
    for _ in range(2):
        page = owner.post(address(function), sent)
        assert page.status_code == 200
    assert "Being written again" in text_of(page)
    again = Grant.objects.get(undo_of=first)
    assert again.sid == first.sid
    assert not Grant.objects.filter(undo_of=second).exists()


def test_one_that_fails_does_not_stop_the_others_and_says_why(owner: Client, function: Function, ola: User) -> None:
    skill = vanished(function, ola, "alexa-appkit.amazon.com", event_source_token="amzn1.ask.skill.one")
    plain = vanished(function, ola, "222222222222")
    preview = text_of(owner.get(address(function)))
    assert f'type="password" autocomplete="off" id="token-{skill.pk}"' in preview
    sent = {"form_token": "one-form", f"grant-{skill.pk}": "on", f"grant-{plain.pk}": "on"}
    page = text_of(owner.post(address(function), sent))
    assert "Not restored" in page
    assert "The event source token is a secret and was not kept" in page
    assert "Being written again" in page
    assert Grant.objects.filter(undo_of=plain).exists()
    assert not Grant.objects.filter(undo_of=skill).exists()


def test_roles_have_to_be_confirmed_and_nothing_ticked_is_lost(owner: Client, function: Function, ola: User) -> None:
    role = vanished(function, ola, "arn:aws:iam::222222222222:role/deploy")
    other = vanished(function, ola, "333333333333")
    response = owner.post(address(function), {"form_token": "one-form", f"grant-{role.pk}": "on"})
    page = text_of(response)
    assert response.status_code == 422
    assert "confirm that they are still the ones" in page
    assert re.search(rf'name="grant-{role.pk}" value="on" checked', page)
    assert not re.search(rf'name="grant-{other.pk}" value="on" checked', page)
    assert Grant.objects.count() == 2
    sent = {"form_token": "one-form", f"grant-{role.pk}": "on", "confirm_roles": "on"}
    assert owner.post(address(function), sent).status_code == 200
    assert Grant.objects.filter(undo_of=role).exists()


def test_nothing_ticked_and_nothing_vanished_both_say_so(owner: Client, function: Function, ola: User) -> None:
    assert "Nothing to restore" in text_of(owner.get(address(function)))
    vanished(function, ola, "222222222222")
    response = owner.post(address(function), {"form_token": "one-form"})
    assert response.status_code == 422
    assert "Nothing is ticked" in text_of(response)


def test_auditors_and_strangers_cannot(client: Client, function: Function, ola: User) -> None:
    grant = vanished(function, ola, "222222222222")
    sent = {"form_token": "one-form", f"grant-{grant.pk}": "on"}
    client.force_login(factories.person(Role.AUDITOR))
    assert client.post(address(function), sent).status_code == 403
    client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
    assert client.post(address(function), sent).status_code == 404
    assert Grant.objects.count() == 1
