"""Suspending and resuming, as pages: the preview, one confirmation, how far it is, what comes back, and both sides' words."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.management.commands._grants import item_of
from sharing.models import Actor, Grant, GrantState, LayerGrant, LayerVersion, Offboarding, Role
from sharing.services import granting, offboarding
from sharing.services.layers.storing import store_policy
from tests import factories
from tests.services.kept import ACME, GLOBEX, allow, kept

pytestmark = pytest.mark.django_db

PAGE = f"/consumers/{ACME}/suspend/"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def grant() -> Grant:
    function = factories.shareable()
    policy = kept(function, allow({"AWS": [ACME, GLOBEX]}))
    factories.account(HOSTILE, ACME)
    by = Actor.of(factories.person(Role.ADMIN))
    made = granting.grant(granting.plan(policy=policy, who=ACME, by=by), reason="They need it", by=by)
    Grant.objects.update(state=GrantState.ACTIVE, unsettled_since=None)
    return made


@pytest.fixture
def me(client: Client, grant: Grant) -> Client:
    client.force_login(factories.person(Role.OWNER))
    return client


def asked(client: Client, **fields: Any) -> dict[str, Any]:
    hidden = dict(
        re.findall(r'<input type="hidden" name="(seen|form)" value="([0-9a-f]+)">', client.get(PAGE).content.decode())
    )
    return {**hidden, "reason": "An incident", "until": "never", "typed": ACME, **fields}


def suspended(client: Client, **fields: Any) -> Offboarding:
    form = asked(client, **fields)
    assert client.post(PAGE, form).status_code == 302
    client.post(PAGE, form)  # a double click
    made = Offboarding.objects.get()
    offboarding.run(made.pk)
    Grant.objects.update(state=GrantState.SUSPENDED, unsettled_since=None, settled_at=timezone.now())
    return made


def test_the_preview_says_what_is_suspended_and_what_still_lets_it_in(me: Client) -> None:
    page = me.get(PAGE).content.decode()
    assert "To be suspended: 1" in page
    assert "This still lets it in:" in page
    assert HOSTILE not in page
    assert not Offboarding.objects.exists()
    assert PAGE in me.get(f"/consumers/{ACME}/").content.decode()


def test_a_form_that_is_not_right_suspends_nothing(me: Client) -> None:
    right = asked(me)
    for change in (
        {"typed": "Globex"},
        {"reason": "\x00"},
        {"seen": "0" * 32},
        {"until": "99d"},
        {"until": "date"},
        {"until": "date", "until_date": "2020-01-01"},
        {"until": "date", "until_date": "9" * 40},
    ):
        response = me.post(PAGE, {**right, **change})
        assert response.status_code == 422, change
        assert "To be suspended: 1" in response.content.decode(), change
    assert me.post(f"/consumers/{ACME}/offboard/", right).status_code == 422, "what one page showed is no yes to the other"
    assert not Offboarding.objects.exists()


def test_an_account_is_suspended_and_resumed_by_its_pages(me: Client, grant: Grant) -> None:
    made = suspended(me, until="7d")
    address = f"/consumers/offboardings/{made.pk}/"
    page = me.get(address).content.decode()
    assert "1 suspended, 0 under way, 0 not done" in page
    assert "It is resumed by itself" in page
    assert "What is suspended, and resume" in me.get(f"/consumers/{ACME}/").content.decode()
    page = me.get(f"{address}undo/").content.decode()
    assert "Comes back: 1 share" in page
    assert 'name="roles"' not in page
    Grant.objects.update(ends_at=timezone.now())
    page = me.get(f"{address}undo/").content.decode()
    assert "Does not come back: 1" in page
    assert "Its end date came meanwhile" in page
    Grant.objects.update(ends_at=None)
    assert me.post(f"{address}undo/").status_code == 302
    offboarding.run(made.pk)
    grant.refresh_from_db()
    assert (grant.state, grant.wanted) == (GrantState.PENDING, "present")
    assert "What is suspended, and resume" not in me.get(f"/consumers/{ACME}/").content.decode()


def test_one_share_is_suspended_and_resumed_by_its_page(me: Client, grant: Grant) -> None:
    address = f"/grants/{grant.pk}/"
    assert f"{address}suspend/" in me.get(address).content.decode()
    assert me.post(f"{address}suspend/", {"until": "never"}).status_code == 422
    assert me.post(f"{address}suspend/", {"reason": HOSTILE, "until": "1d"}).status_code == 302
    grant.refresh_from_db()
    assert (grant.state, grant.resume_at is not None) == (GrantState.REVOKING, True)
    assert "it may still let them in" in me.get(address).content.decode()
    Grant.objects.update(state=GrantState.SUSPENDED, unsettled_since=None)
    page = me.get(address).content.decode()
    assert "Suspended by" in page
    assert HOSTILE not in page
    assert f"{address}resume/" in page
    assert "Only what is shared can be suspended" in me.get(f"{address}suspend/").content.decode()
    panel = me.get(f"{address}resume/", headers={"HX-Request": "true"}).content.decode()
    assert "<h1" not in panel
    assert me.post(f"{address}resume/", headers={"HX-Request": "true"}).status_code == 200
    grant.refresh_from_db()
    assert grant.state == GrantState.PENDING
    assert "Being resumed" in me.get(address).content.decode()
    assert me.get(f"{address}resume/").status_code == 200


def test_who_cannot_see_a_suspension_reads_that_it_keeps_them_from_sharing(client: Client, me: Client, grant: Grant) -> None:
    suspended(me, reason="Their keys leaked")
    client.force_login(factories.person(Role.OWNER, accounts=[grant.policy.function.account]))
    page = client.get(f"/consumers/{ACME}/").content.decode()
    assert "They, or an admin, resume it" in page
    assert "leaked" not in page.split('id="shares')[0]
    assert "What is suspended, and resume" not in page


def test_an_account_is_resumed_also_while_something_is_stuck(me: Client) -> None:
    made = suspended(me)
    Grant.objects.update(state=GrantState.STUCK)
    assert 'id="undo-offboarding"' in me.get(f"/consumers/offboardings/{made.pk}/").content.decode()
    assert "1 thing is still being taken away" in me.get(f"/consumers/offboardings/{made.pk}/undo/").content.decode()


def test_undo_of_what_was_suspended_asks_first_since_it_gives_more_than_they_had(me: Client, grant: Grant) -> None:
    at = timezone.now()
    Grant.objects.update(state=GrantState.REVOKED, wanted="absent", suspended_at=at, settled_at=at)
    page = me.get(f"/grants/{grant.pk}/").content.decode()
    assert f'href="/grants/{grant.pk}/undo/"' in page
    assert f'action="/grants/{grant.pk}/undo/"' not in page
    assert "written again, it lets them in" in me.get(f"/grants/{grant.pk}/undo/").content.decode()


def test_the_other_side_reads_that_the_owner_suspended_it_and_nothing_more(me: Client, client: Client, grant: Grant) -> None:
    suspended(me, reason="Their keys leaked")
    client.force_login(factories.acting("jo@example.com", type(grant.policy.function.account).objects.get(number=ACME)))
    pages = client.get("/shared/").content.decode() + client.get(f"/shared/{grant.policy_id}/").content.decode()
    assert "Suspended by the owner" in pages
    assert "leaked" not in pages
    export = b"".join(client.get("/shared/export/")).decode()
    assert "suspended by the owner" in export
    assert "leaked" not in export


def test_while_it_is_being_suspended_everybody_reads_so_and_nobody_that_it_is_taken_back(
    me: Client, client: Client, grant: Grant
) -> None:
    made = suspended(me)
    going = {"state": GrantState.REVOKING, "wanted": "absent", "unsettled_since": timezone.now(), "settled_at": None}
    Grant.objects.update(**going)
    function = grant.policy.function_id
    for address in (
        f"/grants/{grant.pk}/",
        f"/functions/{function}/",
        f"/consumers/{ACME}/",
        f"/consumers/offboardings/{made.pk}/",
    ):
        page = me.get(address).content.decode()
        assert "Being suspended" in page, address
        assert ">Revoking<" not in page, address
    grant.refresh_from_db()
    assert item_of(grant)["state"] == GrantState.REVOKING
    client.force_login(factories.acting("jo@example.com", type(grant.policy.function.account).objects.get(number=ACME)))
    for address in ("/shared/", f"/shared/{grant.policy_id}/"):
        page = client.get(address).content.decode()
        assert "Being suspended by the owner" in page, address
        assert "Being taken back" not in page, address
    export = b"".join(client.get("/shared/export/")).decode()
    assert "being suspended by the owner" in export
    Grant.objects.update(suspended_at=None)
    assert "Being taken back" in client.get("/shared/").content.decode(), "whoever revoked it meanwhile is told so"


def test_layers_that_stay_shared_are_named_before_and_after_with_the_way_to_take_them_back(
    me: Client, client: Client, grant: Grant
) -> None:
    of = grant.policy.function.account
    arn = f"arn:aws:lambda:us-east-1:{of.number}:layer:tools:1"
    layer = LayerVersion.objects.create(account=of, region="us-east-1", name="tools", number=1, arn=arn)
    to = {"principal_kind": "account", "principal": ACME, "principal_account": ACME}
    shared = LayerGrant.objects.create(layer=layer, sid="ours", statement={}, state="active", **to)
    names_it = {"Effect": "Allow", "Action": "lambda:GetLayerVersion", "Resource": arn, "Principal": ACME}
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": name, **names_it} for name in ("ours", "by-hand")]})
    store_policy(layer, StoredPolicy(document, "r"), read_at=timezone.now())
    ours, by_hand = f"/layers/grants/{shared.pk}/revoke/", f"/layers/{layer.pk}/{layer.current_id}/1/revoke/"
    page = me.get(PAGE).content.decode()
    for words in ("Layers stay shared: 2", "Layers are not suspended.", f'href="{ours}"', f'href="{by_hand}"'):
        assert words in page, words
    assert "statement “by-hand” of layer" not in page.split('id="kept-title"')[1], "each thing stands there once"
    assert me.get(by_hand).status_code == 200
    made = suspended(me)
    address = f"/consumers/offboardings/{made.pk}/"
    page = me.get(address).content.decode()
    for words in ("Layers stay shared: 2", f'href="{ours}"', f'href="{by_hand}"'):
        assert words in page, words
    client.force_login(factories.person(Role.AUDITOR))
    page = client.get(address).content.decode()
    assert "Layers stay shared: 2" in page
    assert "/revoke/" not in page
    LayerGrant.objects.update(state="revoked", wanted="absent")
    store_policy(layer, None, read_at=timezone.now())
    assert "Layers stay shared" not in client.get(address).content.decode()
