"""The pages of layers: list, one version, sharing, approving, taking back; scope, rights, and queries at any size."""

import html
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import (
    Account,
    Connection,
    Event,
    GrantState,
    LayerGrant,
    LayerVersion,
    Reading,
    Role,
    Sync,
    SyncKind,
    SyncState,
)
from sharing.policy.layers import LayerArn, LayerShare
from sharing.policy.principal import EVERYONE, account
from sharing.services.layers.storing import store_policy
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

ACME = "111122223333"
HOSTILE = "<script>alert(1)</script>"


def signed_in(client: Client, role: str = Role.OWNER, accounts: list[Account] | None = None) -> Client:
    client.force_login(factories.person(role, accounts=accounts))
    return client


def version(name: str = "image-tools", number: int = 1, of: Account | None = None, **fields: Any) -> LayerVersion:
    """A version of a connected account; without a policy until `lets_in`."""
    of = of or Account.objects.filter(name="Platform").first() or factories.account("Platform")
    if not Connection.objects.filter(account=of).exists():
        factories.connection(of)
    arn = f"arn:aws:lambda:us-east-1:{of.number}:layer:{name}:{number}"
    fields.setdefault("read_at", timezone.now() - timedelta(hours=1))
    fields.setdefault("reading", Reading.NONE)
    return LayerVersion.objects.create(account=of, region="us-east-1", name=name, number=number, arn=arn, **fields)


def lets_in(layer: LayerVersion, *shares: LayerShare, raw: Any = None) -> LayerVersion:
    statements = raw if raw is not None else [one.statement() for one in shares]
    text = json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements})
    store_policy(layer, StoredPolicy(text, "revision"), read_at=timezone.now())
    layer.refresh_from_db()
    return layer


def shared(layer: LayerVersion) -> LayerVersion:
    """The version, shared with Acme by another tool."""
    return lets_in(layer, share_of(layer))


def share_of(layer: LayerVersion, number: str = ACME, sid: str = "elsewhere") -> LayerShare:
    return LayerShare(LayerArn.parse(layer.arn), sid, account(number))


def page(client: Client, **query: str) -> str:
    response = client.get(reverse("layer-list"), query)
    assert response.status_code == 200
    return response.content.decode()


def shown(html: str) -> set[str]:
    return set(re.findall(r'<a class="name" href="/layers/[^"]+">([^<]+)<', html))


def fields_of(text: str) -> dict[str, str]:
    """The hidden fields of a preview."""
    found = re.findall(r'<input type="hidden" name="(seen|form_token|digest)" value="([^"]*)"', text)
    return {name: html.unescape(value) for name, value in found}


class TestList:
    def test_finds_by_name_arn_description_and_whom_it_is_shared_with(self, client: Client) -> None:
        signed_in(client)
        one = shared(version("image-tools", description="Reads pictures"))
        assert shown(page(client, q="IMAGE")) == {"image-tools"}
        assert shown(page(client, q="pictures reads")) == {"image-tools"}
        assert shown(page(client, q=one.arn)) == {"image-tools"}
        assert shown(page(client, q=ACME)) == {"image-tools"}
        assert "No layer version matches" in page(client, q="nothing like that")

    def test_filters_by_exposure_and_depends_is_never_safe(self, client: Client) -> None:
        signed_in(client)
        condition = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
        for name, statement in (
            ("public", {}),
            ("perhaps", {"Condition": condition}),
            ("external", {"Principal": {"AWS": f"arn:aws:iam::{ACME}:root"}}),
        ):
            layer = version(name)
            made = LayerShare(LayerArn.parse(layer.arn), "one", EVERYONE).statement()
            lets_in(layer, raw=[{**made, **statement}])
        version("unshared")
        version("unread", reading=Reading.UNREAD, read_at=None)
        assert shown(page(client, exposure="public")) == {"public", "perhaps"}
        assert shown(page(client, exposure="external")) == {"public", "perhaps", "external"}
        assert shown(page(client, exposure="unread")) == {"unread"}
        assert shown(page(client, exposure="nobody")) == {"unshared"}
        assert "Only what was read counts" in page(client, exposure="nobody")
        assert "Public, depends" in page(client, exposure="public")

    def test_what_was_readable_once_stays_in_every_count(self, client: Client) -> None:
        signed_in(client)
        layer = version("geo-data")
        lets_in(layer, LayerShare(LayerArn.parse(layer.arn), "one", EVERYONE))
        LayerVersion.objects.update(reading=Reading.UNREAD, unread_since=timezone.now(), unread_reason="Denied.")
        for exposure in ("public", "external", "unread"):
            assert shown(page(client, exposure=exposure)) == {"geo-data"}

    @pytest.mark.parametrize(
        "query",
        [
            {"q": "\x00"},
            {"region": "\x00" * 99},
            {"exposure": "x"},
            {"presence": "\x00"},
            {"page": "9" * 50},
            {"page": "-1"},
        ],
    )
    def test_nonsense_in_the_address_is_no_error(self, client: Client, query: dict[str, str]) -> None:
        signed_in(client)
        version()
        assert shown(page(client, **query)) == {"image-tools"}

    def test_shows_only_what_is_in_scope(self, client: Client) -> None:
        mine, other = factories.account("Mine"), factories.account("Umbrella")
        signed_in(client, accounts=[mine])
        version("ours", of=mine)
        foreign = version("theirs", of=other)
        html = page(client)
        assert shown(html) == {"ours"}
        assert "Umbrella" not in html
        assert client.get(reverse("layer-detail", args=[foreign.pk])).status_code == 404
        assert client.get(reverse("layer-share", args=[foreign.pk])).status_code == 404
        assert client.post(reverse("layer-reread", args=[foreign.pk])).status_code == 404

    def test_costs_the_same_number_of_queries_at_any_size(self, client: Client) -> None:
        signed_in(client)
        shared(version("first"))
        few = queries(client, reverse("layer-list"))
        for number in range(40):
            layer = version(f"more-{number}", of=factories.account())
            shared(layer)
        assert queries(client, reverse("layer-list")) == few
        html = page(client)
        assert "Not looked at: 41 gaps" in html
        assert html.count("Its layers were not read yet") == 30
        assert "and 11 more" in html

    def test_pages_hold_fifty(self, client: Client) -> None:
        signed_in(client)
        for number in range(60):
            version("many", number + 1)
        assert len(re.findall('<th scope="row">', page(client))) == 50
        assert len(re.findall('<th scope="row">', page(client, page="2"))) == 10

    def test_says_what_was_not_looked_at(self, client: Client) -> None:
        signed_in(client)
        version()
        assert "Its layers were not read yet" in page(client)
        Connection.objects.update(verbs={"layers": False})
        html = page(client)
        assert "may not read layers" in html
        assert reverse("connection-detail", args=[Connection.objects.get().pk]) in html
        Connection.objects.update(verbs={})
        place = {"account": Account.objects.get(), "region": "us-east-1", "kind": SyncKind.LAYERS, "requested_as": "x"}
        ended = {"started_at": timezone.now(), "finished_at": timezone.now()}
        Sync.objects.create(state=SyncState.DONE, **place, **ended)
        assert "Not looked at:" not in page(client).split("said-below")[0]
        Sync.objects.create(
            state=SyncState.FAILED,
            failure="The role may not do it.",
            started_at=timezone.now(),
            finished_at=timezone.now() + timedelta(seconds=1),
            **place,
        )
        assert "The role may not do it." in page(client)

    def test_an_open_read_is_shown_and_polled(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        assert "hx-trigger" not in page(client).split('id="layers-reading"')[1].split("</div>")[0]
        Sync.objects.create(account=layer.account, region="us-east-1", kind=SyncKind.LAYERS, requested_as="x")
        assert "hx-trigger" in page(client).split('id="layers-reading"')[1].split("</div>")[0]

    def test_reading_again_opens_rows_for_a_worker(self, client: Client) -> None:
        signed_in(client)
        version()
        response = client.post(reverse("layer-read"), follow=True)
        assert "Reading the layers of 1 region." in response.content.decode()
        assert Sync.objects.get().kind == SyncKind.LAYERS

    def test_the_functions_list_leads_here_and_the_side_bar_stays(self, client: Client) -> None:
        signed_in(client)
        assert reverse("layer-list") in client.get(reverse("function-list")).content.decode()
        here = re.findall(r'<a href="([^"]+)" aria-current="page">', page(client))
        assert here == [reverse("function-list"), reverse("layer-list")]


class TestDetail:
    def test_shows_who_may_use_it_with_policy_age_and_what_was_not_looked_at(self, client: Client) -> None:
        signed_in(client)
        factories.account("Acme", ACME)
        layer = shared(version(description=HOSTILE))
        text = client.get(reverse("layer-detail", args=[layer.pk])).content.decode()
        assert HOSTILE not in text
        assert html.escape(HOSTILE) in text
        assert "Acme" in text
        assert "Not tried: AWS has no DryRun for layers" in text
        assert "Not looked at: roles of Platform" in text
        assert "lambda:GetLayerVersion" in html.unescape(text)

    def test_unread_is_never_nobody(self, client: Client) -> None:
        signed_in(client)
        layer = version(reading=Reading.UNREAD, read_at=None)
        text = client.get(reverse("layer-detail", args=[layer.pk])).content.decode()
        assert "Unread: nobody knows who may use it" in text
        assert "No statement lets anybody" not in text

    def test_a_deny_is_shown_as_one_and_offers_no_revoke(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        statement = {**share_of(layer).statement(), "Effect": "Deny"}
        text = client.get(reverse("layer-detail", args=[lets_in(layer, raw=[statement]).pk])).content.decode()
        assert "<span>Deny</span>" in text
        assert "layer-statement-revoke" not in text
        assert "Revoke" not in text.split('id="access"')[1].split("</section>")[0]

    def test_hostile_contents_are_text(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        statement = {**share_of(layer).statement(), "Sid": HOSTILE, "Principal": {"AWS": HOSTILE}}
        text = client.get(reverse("layer-detail", args=[lets_in(layer, raw=[statement]).pk])).content.decode()
        assert HOSTILE not in text

    def test_auditors_see_everything_and_no_button(self, client: Client) -> None:
        signed_in(client, Role.AUDITOR)
        layer = shared(version())
        text = client.get(reverse("layer-detail", args=[layer.pk])).content.decode()
        assert reverse("layer-share", args=[layer.pk]) not in text
        assert "/revoke/" not in text
        assert "Read again" not in page(client)
        assert client.get(reverse("layer-share", args=[layer.pk])).status_code == 403

    def test_costs_the_same_number_of_queries_for_more_statements(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        shared(layer)
        few = queries(client, reverse("layer-detail", args=[layer.pk]))
        lets_in(layer, *(share_of(layer, f"{number:012d}", f"s{number}") for number in range(60)))
        for number in range(2, 40):
            version("image-tools", number)
        assert queries(client, reverse("layer-detail", args=[layer.pk])) == few

    def test_earlier_contents_stay_with_the_two_reads_around_them(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        shared(layer)
        store_policy(layer, None, read_at=timezone.now())
        text = client.get(reverse("layer-detail", args=[layer.pk])).content.decode()
        assert "2 contents over time" in text
        assert "changed between" in text


@pytest.mark.usefixtures("no_worker")
class TestSharing:
    def form(self, client: Client, layer: LayerVersion, **changes: str) -> Any:
        sent = {"form_token": "one-form", "who": ACME, "until": "90d", "reason": "OPS-1", **changes}
        return client.post(reverse("layer-share", args=[layer.pk]), sent)

    def test_preview_then_share_without_javascript(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        preview = self.form(client, layer)
        text = preview.content.decode()
        assert preview.status_code == 200
        assert f"Functions of account {ACME} may use version 1 of layer image-tools" in text
        assert "aws lambda add-layer-version-permission" in text
        assert "cannot be tried" in text
        assert not LayerGrant.objects.exists()
        answer = self.form(client, layer, step="share", **fields_of(text))
        grant = LayerGrant.objects.get()
        assert answer.headers["Location"] == f"{reverse('layer-detail', args=[layer.pk])}#row-{grant.pk.hex}"
        assert (grant.state, grant.reason, grant.principal) == (GrantState.PENDING, "OPS-1", ACME)
        page = client.get(reverse("layer-detail", args=[layer.pk])).content.decode()
        assert "Pending" in page
        assert 'hx-trigger="every 1s"' in page

    def test_nobody_shares_what_they_did_not_see(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer).content.decode())
        for changes in ({"who": "222233334444"}, {"until": "7d"}, {"seen": "x"}):
            response = self.form(client, layer, step="share", **{**seen, **changes})
            assert response.status_code == 422
            assert "The preview was not up to date" in response.content.decode()
        assert not LayerGrant.objects.exists()

    def test_the_live_preview_writes_and_blames_nothing(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        address = reverse("layer-share-preview", args=[layer.pk])
        for sent in ({}, {"form_token": "x"}, {"form_token": "x", "who": "everyone", "until": "never"}, {"who": "\x00"}):
            assert client.post(address, sent).status_code == 200
        text = client.post(address, {"form_token": "x", "who": ACME, "until": "90d"}).content.decode()
        assert "Share it" in text
        assert not LayerGrant.objects.exists()
        assert not Event.objects.exists()

    def test_what_is_wrong_is_said_on_its_field(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        for changes, words in (
            ({"who": ""}, "Say who should be able to use it."),
            ({"who": "s3.amazonaws.com"}, "with an account, an organisation or everyone"),
            ({"who": "everyone", "until": "never"}, "needs an end date"),
            ({"until": "date"}, "Choose the last day"),
            ({"until": "date", "until_date": "1999-01-01"}, "in the past"),
        ):
            response = self.form(client, layer, step="share", **changes)
            assert response.status_code == 422
            assert words in html.unescape(response.content.decode())

    def test_a_double_click_makes_one_grant(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer).content.decode())
        for _ in range(2):
            assert self.form(client, layer, step="share", **seen).status_code == 302
        assert LayerGrant.objects.count() == 1

    def test_htmx_gets_the_list_anew_and_a_toast(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer).content.decode())
        sent = {"form_token": "one-form", "who": ACME, "until": "90d", "step": "share", **seen}
        response = client.post(reverse("layer-share", args=[layer.pk]), sent, headers={"HX-Request": "true"})
        text = response.content.decode()
        assert '<div id="access" hx-swap-oob="innerHTML">' in text
        assert "data-focus" in text
        assert "<html" not in text

    def test_a_poll_is_answered_204_while_nothing_changed(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer).content.decode())
        self.form(client, layer, step="share", **seen)
        address = reverse("layer-detail", args=[layer.pk])
        headers = {"HX-Request": "true", "HX-Target": "access"}
        mark = re.search(r"\?seen=(\w+)&amp;of=([\w-]+)", client.get(address).content.decode())
        assert mark is not None
        asked = {"seen": mark[1], "of": mark[2]}
        assert client.get(address, asked, headers=headers).status_code == 204
        LayerGrant.objects.update(state=GrantState.REVOKED, settled_at=timezone.now())
        answer = client.get(address, asked, headers=headers).content.decode()
        assert "hx-trigger" not in answer
        assert "Functions that use the layer already keep it" in answer
        assert "is-over" in answer
        assert client.get(address, {"of": "nonsense"}, headers=headers).status_code == 200

    def test_everyone_is_approved_by_another_person(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer, who="everyone").content.decode())
        self.form(client, layer, who="everyone", step="share", **seen)
        grant = LayerGrant.objects.get()
        assert grant.state == GrantState.REQUESTED
        address = reverse("layer-grant-approve", args=[grant.pk])
        own = client.get(address).content.decode()
        assert "You asked for this yourself" in own
        assert client.post(address, {"answer": "approve", "digest": "x"}).status_code == 422
        signed_in(client)
        digest = fields_of(client.get(address).content.decode())["digest"]
        assert client.post(address, {"answer": "approve", "digest": "other"}).status_code == 422
        assert client.post(address, {"answer": "decline"}).status_code == 422  # without a reason
        assert client.post(address, {"answer": "approve", "digest": digest}).status_code == 302
        grant.refresh_from_db()
        assert grant.state == GrantState.PENDING
        assert "Nothing waits for approval" in client.get(address).content.decode()

    def test_who_asked_may_withdraw_and_others_review(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer, who="everyone").content.decode())
        self.form(client, layer, who="everyone", step="share", **seen)
        address = reverse("layer-detail", args=[layer.pk])
        own = client.get(address).content.decode()
        assert ("Withdraw</a>" in own, "Review</a>" in own) == (True, False)
        assert "Not tried" not in own  # nothing was told to AWS yet
        signed_in(client)
        theirs = client.get(address).content.decode()
        assert ("Withdraw</a>" in theirs, "Review</a>" in theirs) == (False, True)

    def test_what_is_over_stays_in_sight_for_a_day_then_among_the_earlier(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer).content.decode())
        self.form(client, layer, step="share", **seen)
        for hours, places in ((1, (True, False)), (30, (False, True))):
            settled_at = timezone.now() - timedelta(hours=hours)
            LayerGrant.objects.update(state=GrantState.REVOKED, wanted="absent", settled_at=settled_at)
            text = client.get(reverse("layer-detail", args=[layer.pk])).content.decode()
            assert ("is-over" in text, "Earlier grants" in text) == places

    def test_a_revoke_says_that_users_keep_it_and_is_two_clicks(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer).content.decode())
        self.form(client, layer, step="share", **seen)
        LayerGrant.objects.update(state=GrantState.ACTIVE)
        grant = LayerGrant.objects.get()
        address = reverse("layer-grant-revoke", args=[grant.pk])
        assert "already keep it" in re.sub(r"\s+", " ", client.get(address).content.decode())
        assert client.post(address, {"reason": "over"}).status_code == 302
        grant.refresh_from_db()
        assert (grant.state, grant.revoke_reason) == (GrantState.REVOKING, "over")
        detail = client.get(reverse("layer-grant", args=[grant.pk])).content.decode()
        assert "Revoking" in detail
        assert "hx-trigger" in detail

    def test_a_statement_made_elsewhere_is_revoked_as_it_was_shown(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        shared(layer)
        address = reverse("layer-statement-revoke", args=[layer.pk, layer.current_id, 0])
        text = re.sub(r"\s+", " ", client.get(address).content.decode())
        assert "already keep it" in text
        assert "made elsewhere" in text
        assert client.post(address).status_code == 302
        assert LayerGrant.objects.get().adopted
        for content, index in ((layer.current_id, 7), (10**30, 0), (layer.current_id, 10**30)):
            stale = reverse("layer-statement-revoke", args=[layer.pk, content, index])
            assert client.get(stale).status_code == 409

    def test_out_of_scope_is_a_404_by_every_address(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer).content.decode())
        self.form(client, layer, step="share", **seen)
        grant = LayerGrant.objects.get()
        signed_in(client, accounts=[factories.account("Elsewhere")])
        for name in ("layer-grant", "layer-grant-revoke", "layer-grant-approve"):
            assert client.get(reverse(name, args=[grant.pk])).status_code == 404
            assert client.get(reverse(name, args=[uuid.uuid4()])).status_code == 404
        assert client.post(reverse("layer-grant-revoke", args=[grant.pk])).status_code == 404
        assert client.post(reverse("layer-statement-revoke", args=[layer.pk, 1, 0])).status_code == 404
        assert client.post(reverse("layer-share-preview", args=[layer.pk]), {}).status_code == 404

    def test_activity_tells_of_layers_and_leads_to_them(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        seen = fields_of(self.form(client, layer).content.decode())
        self.form(client, layer, step="share", **seen)
        text = client.get(reverse("activity"), {"kind": "layer"}).content.decode()
        assert "layer.share-decided" in text
        assert reverse("layer-detail", args=[layer.pk]) in text

    def test_a_role_without_the_stage_is_told_what_to_add(self, client: Client) -> None:
        signed_in(client)
        layer = version()
        Connection.objects.update(verbs={"share": True, "share_layers": False})
        response = self.form(client, layer)
        assert response.status_code == 422
        assert "lambda:AddLayerVersionPermission" in response.content.decode()


class TestSearch:
    def test_the_search_box_finds_layers_in_scope(self, client: Client) -> None:
        signed_in(client)
        layer = version("image-tools", description="Reads pictures")
        for query in ("image-t", "READS PICT"):
            assert "image-tools:1" in client.get("/search/", {"q": query}).content.decode()
        straight = client.get("/search/", {"q": layer.arn})
        assert straight.headers["Location"] == reverse("layer-detail", args=[layer.pk])
        signed_in(client, accounts=[factories.account("Elsewhere")])
        for query in ("image-t", layer.arn):
            assert "Nothing matches" in client.get("/search/", {"q": query}).content.decode()


class TestOverview:
    def overview(self, client: Client) -> str:
        return client.get(reverse("overview")).content.decode()

    def test_says_nothing_while_nothing_about_layers_needs_anybody(self, client: Client) -> None:
        signed_in(client)
        shared(version())
        assert "layers-title" not in self.overview(client)

    def test_names_public_and_unread_versions_and_grants_that_need_somebody(self, client: Client) -> None:
        signed_in(client)
        layer = version("geo-data")
        condition = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
        everyone = LayerShare(LayerArn.parse(layer.arn), "one", EVERYONE).statement()
        lets_in(layer, raw=[{**everyone, "Condition": condition}])
        version("dark", reading=Reading.UNREAD, read_at=None)
        facts: dict[str, Any] = {
            "layer": layer,
            "principal_kind": "account",
            "principal": ACME,
            "principal_account": ACME,
            "statement": {},
            "reason": "because",
            "requested_as": "kim@example.com",
        }
        cases: list[dict[str, Any]] = [
            {"state": GrantState.REQUESTED, "second_person": "why"},
            {"state": GrantState.STUCK, "failure": "It hangs."},
            {"state": GrantState.FAILED, "failure": "AWS said no.", "settled_at": timezone.now()},
            {"state": GrantState.FAILED, "failure": "Old news.", "settled_at": timezone.now() - timedelta(days=9)},
            {"state": GrantState.ACTIVE, "ends_at": timezone.now() + timedelta(days=3)},
            {"state": GrantState.ACTIVE, "ends_at": timezone.now() + timedelta(days=90)},
        ]
        for number, changes in enumerate(cases):
            LayerGrant.objects.create(sid=f"s{number}", **facts, **changes)
        text = self.overview(client).partition('id="layers-title"')[2]
        for words in ("1 layer version</a>", "It hangs.", "AWS said no.", "Requested", "Ends soon", "?exposure=unread"):
            assert words in text
        assert "Old news" not in text
        assert text.count("/layers/grants/") == 4

    def test_shows_only_what_is_in_scope(self, client: Client) -> None:
        layer = version("geo-data")
        lets_in(layer, LayerShare(LayerArn.parse(layer.arn), "one", EVERYONE))
        signed_in(client, accounts=[factories.account("Elsewhere")])
        assert "layers-title" not in self.overview(client)


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages go nowhere: these tests are about what a door writes."""
    monkeypatch.setattr("sharing.views.layer_sharing.soon", lambda *_args, **_kwargs: None)
