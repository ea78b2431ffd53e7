"""The share form: previewed before it is sent, sent once, nothing typed lost, secrets shown nowhere else."""

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

from sharing.models import Account, Function, Grant, GrantState, Policy, Qualifier, QualifierKind, Reading, Role
from tests import factories

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
TOKEN = "amzn1.ask.skill.canary-5d2c"


@pytest.fixture
def function() -> Function:
    account = factories.account("Platform", "111111111111")
    factories.connection(account)
    factories.account("Acme Retail", "222222222222")
    made = factories.function("label-uploads", account)
    Qualifier.objects.create(function=made, kind=QualifierKind.ALIAS, name="live", points_to="7")
    Policy.objects.create(function=made, qualifier="live", reading=Reading.NONE, read_at=timezone.now())
    return made


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(factories.person(Role.OWNER, email="ola@example.com"))
    return client


def address(function: Function, name: str = "function-share") -> str:
    return reverse(name, args=[function.pk])


def filled(**fields: str) -> dict[str, str]:
    return {
        "form_token": uuid.uuid4().hex,
        "who": "Acme Retail",
        "action": "lambda:InvokeFunction",
        "qualifier": "",
        "until": "90d",
        "reason": "OPS-812",
        **fields,
    }


def text_of(response: Any) -> str:
    return str(response.content.decode())


def seen_in(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', page)
    assert found, "the page shows nothing to confirm"
    return found.group(1)


def statement_in(page: str) -> dict[str, Any]:
    found = re.search(r'<pre id="share-statement"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found, "the page shows no statement"
    read: dict[str, Any] = json.loads(html.unescape(found.group(1)))
    return read


def share(client: Client, function: Function, fields: dict[str, str], step: str = "grant") -> Any:
    """Preview, then press the button of that step, as a person without JavaScript does."""
    preview = client.post(address(function), {**fields, "step": "preview"})
    assert preview.status_code == 200, text_of(preview)
    return client.post(address(function), {**fields, "step": step, "seen": seen_in(text_of(preview))})


def test_the_form_offers_every_parameter_of_the_seed_and_explains_the_first_field(owner: Client, function: Function) -> None:
    page = text_of(owner.get(address(function)))
    for field in (
        "who",
        "action",
        "qualifier",
        "until",
        "until_date",
        "reason",
        "source_account",
        "source_arn",
        "organization",
        "event_source_token",
        "url_auth_type",
        "via_url",
        "sid",
    ):
        assert f'name="{field}"' in page, field
    assert "Alias live → version 7" in page
    assert '<option value="Acme Retail">2222 2222 2222</option>' in page
    assert "lambda:CreateEventSourceMapping" not in page
    assert '<optgroup label="Manage (a second person approves)">' in page


def test_the_live_preview_says_sentence_statement_bytes_and_cli_and_writes_nothing(owner: Client, function: Function) -> None:
    page = text_of(owner.post(address(function, "function-share-preview"), filled(qualifier="live"), headers=HTMX))
    assert "Acme Retail" in page
    assert statement_in(page)["Principal"] == {"AWS": "arn:aws:iam::222222222222:root"}
    assert "of 20,480 bytes" in page
    assert "aws lambda add-permission" in page
    assert "Grant access" in page
    assert "<html" not in page
    assert not Grant.objects.exists()


def test_the_live_preview_blames_nobody_for_an_empty_form(owner: Client, function: Function) -> None:
    response = owner.post(address(function, "function-share-preview"), filled(who=""), headers=HTMX)
    assert response.status_code == 200
    assert "Say who, and read here" in text_of(response)
    assert "note-bad" not in text_of(response)


def test_granting_keeps_exactly_the_statement_that_was_previewed(owner: Client, function: Function) -> None:
    fields = filled(qualifier="live")
    previewed = statement_in(text_of(owner.post(address(function), {**fields, "step": "preview"})))
    response = share(owner, function, fields)
    grant = Grant.objects.get()
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('function-detail', args=[function.pk])}#row-{grant.pk.hex}"
    assert grant.statement == previewed
    assert previewed["Sid"] == grant.sid
    assert grant.state == GrantState.PENDING
    assert grant.reason == "OPS-812"
    assert grant.policy.qualifier == "live"


def test_the_same_form_sent_again_is_the_same_grant(owner: Client, function: Function) -> None:
    fields = filled()
    share(owner, function, fields)
    again = share(owner, function, fields)
    assert again.status_code == 302
    assert Grant.objects.count() == 1
    assert "Nothing new was written" in text_of(owner.get(again["Location"].partition("#")[0]))


def test_a_used_form_with_other_contents_is_previewed_anew_and_can_then_be_sent(owner: Client, function: Function) -> None:
    fields = filled()
    share(owner, function, fields)
    other = {**fields, "who": "333333333333"}
    response = share(owner, function, other)
    assert response.status_code == 422
    page = text_of(response)
    assert "The preview was not up to date" in page
    assert Grant.objects.count() == 1
    fresh = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert fresh
    assert fresh.group(1) != fields["form_token"]
    renewed = {**other, "form_token": fresh.group(1), "step": "grant", "seen": seen_in(page)}
    assert owner.post(address(function), renewed).status_code == 302
    assert Grant.objects.count() == 2


@pytest.mark.parametrize("seen", ["", "0" * 32])
def test_what_was_not_previewed_is_not_granted(owner: Client, function: Function, seen: str) -> None:
    response = owner.post(address(function), {**filled(), "step": "grant", "seen": seen})
    assert response.status_code == 422
    assert "The preview was not up to date" in text_of(response)
    assert not Grant.objects.exists()


def test_a_preview_of_one_person_cannot_confirm_another(owner: Client, function: Function) -> None:
    fields = filled()
    seen = seen_in(text_of(owner.post(address(function), {**fields, "step": "preview"})))
    response = owner.post(address(function), {**fields, "who": "333333333333", "step": "grant", "seen": seen})
    assert response.status_code == 422
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"who": ""}, "who", "Say who should get access"),
        ({"who": "11112222333"}, "who", "11 digits"),
        ({"who": "1111222233334"}, "who", "13 digits"),
        ({"who": "arn:aws-cn:iam::222222222222:role/x"}, "who", "partition"),
        ({"who": "s3.amazonaws.co"}, "who", "s3.amazonaws.com"),
        ({"who": "x" * 3000}, "who", "2048"),
        ({"sid": "has spaces"}, "sid", "statement id"),
        ({"sid": "x" * 101}, "sid", "100"),
        ({"action": "lambda:Invoke"}, "action", "Choose an action of the list"),
        ({"action": "lambda:CreateEventSourceMapping"}, "action", "Choose an action of the list"),
        ({"qualifier": "$LATEST"}, "qualifier", "no such alias or version"),
        ({"until": "date"}, "until_date", "Choose the last day"),
        ({"until": "date", "until_date": "2020-01-01"}, "until", "in the past"),
        ({"until": "date", "until_date": "soon"}, "until_date", "year-month-day"),
        ({"who": "everyone", "until": "never"}, "until", "end date"),
        ({"source_account": "12345", "who": "s3"}, "source_account", "12 digits"),
        ({"form_token": ""}, "", "required"),
    ],
)
def test_bad_input_is_said_at_its_field_and_nothing_typed_is_lost(
    owner: Client, function: Function, fields: dict[str, str], field: str, said: str
) -> None:
    sent = filled(**{"reason": "because I typed it", **fields})
    response = owner.post(address(function), {**sent, "step": "grant", "seen": "0"})
    page = html.unescape(text_of(response))
    assert response.status_code == 422
    assert said in page
    assert "Traceback" not in page
    assert not Grant.objects.exists()
    assert 'value="because I typed it"' in page
    if field:
        assert f'id="id_{field}_error"' in page, "the message is not at its field"
        assert f'href="#id_{field}"' in page, "the summary does not lead to the field"


def test_the_event_source_token_is_shown_nowhere_but_in_its_own_field(owner: Client, function: Function) -> None:
    fields = filled(who="alexa-appkit.amazon.com", event_source_token=TOKEN)
    live = text_of(owner.post(address(function, "function-share-preview"), fields, headers=HTMX))
    step = text_of(owner.post(address(function), {**fields, "step": "preview"}))
    wrong = text_of(owner.post(address(function), {**fields, "sid": "has spaces", "step": "preview"}))
    for page in (live, step, wrong):
        shown = re.sub(r'<input type="password"[^>]*>', "", page)
        assert TOKEN not in shown
    assert f'value="{TOKEN}"' in step, "it must survive the step between preview and confirmation"
    share(owner, function, fields)
    grant = Grant.objects.get()
    for name in ("grant-detail", "grant-revoke"):
        assert TOKEN not in text_of(owner.get(reverse(name, args=[grant.pk])))
    for name in ("function-detail", "function-policy", "function-history"):
        assert TOKEN not in text_of(owner.get(address(function, name)))
    assert "no-store" in owner.post(address(function), {**fields, "step": "preview"})["Cache-Control"]


def test_a_service_opens_the_fields_that_limit_it_once(owner: Client, function: Function) -> None:
    preview = address(function, "function-share-preview")
    page = text_of(owner.post(preview, filled(who="s3.amazonaws.com", kind=""), headers=HTMX))
    assert 'id="share-limits"' in page
    assert 'hx-swap-oob="true" open' in page
    assert "Limit Amazon S3 to a source" in page
    again = text_of(owner.post(preview, filled(who="s3.amazonaws.com", kind="service"), headers=HTMX))
    assert 'id="share-limits"' not in again, "replacing what is being typed into would lose the place"


class TestDangerous:
    def test_everyone_waits_for_a_second_person(self, owner: Client, function: Function) -> None:
        fields = filled(who="everyone", reason="An open demo")
        preview = text_of(owner.post(address(function), {**fields, "step": "preview"}))
        assert "A second person has to approve exactly this" in preview
        assert "Ask for approval" in preview
        assert share(owner, function, fields).status_code == 302
        assert Grant.objects.get().state == GrantState.REQUESTED

    def test_needs_a_reason(self, owner: Client, function: Function) -> None:
        response = share(owner, function, filled(who="everyone", reason=""))
        assert response.status_code == 422
        assert "reason" in text_of(response)
        assert not Grant.objects.exists()

    def test_a_usual_share_needs_none_and_history_says_that_none_was_given(self, owner: Client, function: Function) -> None:
        assert share(owner, function, filled(reason="")).status_code == 302
        assert Grant.objects.get().reason == "No reason given."


class TestEqual:
    def test_the_same_end_shows_the_grant_that_there_is(self, owner: Client, function: Function) -> None:
        share(owner, function, filled())
        page = text_of(owner.post(address(function), {**filled(), "step": "preview"}))
        assert "They already have exactly this" in page
        assert reverse("grant-detail", args=[Grant.objects.get().pk]) in page

    def test_another_end_extends_it_or_makes_a_second_lease(self, owner: Client, function: Function) -> None:
        share(owner, function, filled(until="7d"))
        Grant.objects.update(state=GrantState.ACTIVE)
        first = Grant.objects.get()
        longer = filled(until="30d")
        page = text_of(owner.post(address(function), {**longer, "step": "preview"}))
        assert "Change the end date" in page
        assert "Make a second lease" in page
        assert share(owner, function, longer, step="extend").status_code == 302
        assert Grant.objects.count() == 1
        assert Grant.objects.get().ends_at > first.ends_at + timedelta(days=20)  # type: ignore[operator]
        assert share(owner, function, filled(until="90d"), step="anyway").status_code == 302
        assert Grant.objects.count() == 2


class TestHtmx:
    def test_a_click_answers_with_the_list_the_new_row_in_focus_and_a_toast(self, owner: Client, function: Function) -> None:
        fields = filled()
        seen = seen_in(text_of(owner.post(address(function, "function-share-preview"), fields, headers=HTMX)))
        response = owner.post(address(function), {**fields, "step": "grant", "seen": seen}, headers=HTMX)
        page = text_of(response)
        assert response.status_code == 200
        assert 'id="access" hx-swap-oob="innerHTML"' in page
        grant = Grant.objects.get()
        assert re.search(rf'id="row-{grant.pk.hex}"[^>]*data-focus', page)
        assert "Sharing with Acme Retail." in page
        assert "hx-swap-oob" in page.partition("toasts")[0]

    def test_a_bad_form_is_the_panel_again_not_a_page(self, owner: Client, function: Function) -> None:
        response = owner.post(address(function), {**filled(who="nobody at all"), "step": "grant"}, headers=HTMX)
        assert response.status_code == 422
        assert "<html" not in text_of(response)
        assert 'value="nobody at all"' in text_of(response)


class TestRights:
    @pytest.mark.parametrize("name", ["function-share", "function-share-preview"])
    def test_an_auditor_can_post_nothing(self, client: Client, function: Function, name: str) -> None:
        client.force_login(factories.person(Role.AUDITOR))
        assert client.post(address(function, name), filled()).status_code == 403
        assert not Grant.objects.exists()

    def test_an_auditor_is_shown_no_button(self, client: Client, function: Function) -> None:
        client.force_login(factories.person(Role.AUDITOR))
        page = text_of(client.get(address(function, "function-detail")))
        assert "label-uploads" in page
        assert address(function) not in page
        assert "Re-read" not in page
        assert '<form method="post"' not in page.partition("<main")[2]

    def test_out_of_scope_is_not_found(self, client: Client, function: Function) -> None:
        client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
        for name in ("function-share", "function-detail", "function-policy", "function-history", "function-checks"):
            assert client.get(address(function, name)).status_code == 404
        assert client.post(address(function), filled()).status_code == 404


def test_again_takes_over_what_an_earlier_grant_said_but_no_secret(owner: Client, function: Function) -> None:
    share(owner, function, filled(who="s3", source_account="222222222222", event_source_token="", qualifier="live"))
    grant = Grant.objects.get()
    page = text_of(owner.get(f"{address(function)}?like={grant.pk}"))
    assert 'value="s3.amazonaws.com"' in page
    assert 'value="222222222222"' in page
    assert '<option value="live" selected>' in page
    assert owner.get(f"{address(function)}?like=not-a-uuid").status_code == 200


def test_hostile_names_are_text_everywhere(owner: Client, function: Function, db: Any) -> None:
    Account.objects.filter(number="222222222222").update(name='"><script>alert(1)</script>')
    Function.objects.update(description="<img src=x onerror=alert(1)>")
    share(owner, function, filled(who="222222222222", reason="<b>bold</b>"))
    grant = Grant.objects.get()
    pages = [address(function), address(function, "function-detail"), address(function, "function-history")]
    pages += [reverse(name, args=[grant.pk]) for name in ("grant-detail", "grant-revoke")]
    for page in pages:
        text = text_of(owner.get(page))
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b>bold" not in text


class TestWhatIsLeftToDo:
    """A statement only lets a service call: its own side must name the function, and nobody looks whether it does."""

    def left(self, owner: Client, function: Function, **fields: str) -> str:
        page = text_of(owner.post(address(function, "function-share-preview"), filled(**fields), headers=HTMX))
        found = re.search(r'id="share-left".*?</details>', page, re.DOTALL)
        return html.unescape(found[0]) if found else ""

    def test_a_service_is_told_what_its_own_side_sets(self, owner: Client, function: Function) -> None:
        rest = "execute-api:us-east-1:222222222222:abc123/prod/POST/orders"
        said = self.left(owner, function, who="apigateway.amazonaws.com", source_arn=f"arn:aws:{rest}")
        for words in ("apigateway:PutIntegration", "--rest-api-id abc123", "<RESOURCE ID>", "whether it does is not looked at"):
            assert words in said
        arn = "arn:aws:cognito-idp:us-east-1:222222222222:userpool/us-east-1_A"
        pool = self.left(owner, function, who="cognito-idp.amazonaws.com", source_arn=arn)
        assert "UpdateUserPool" in pool
        assert "aws cognito-idp" not in pool
        across = self.left(owner, function, who="iot.amazonaws.com", source_account="222222222222")
        assert "another account is not verified" in across
        inside = self.left(owner, function, who="iot.amazonaws.com", source_account="111111111111")
        assert "another account is not verified" not in inside

    def test_what_can_be_wired_here_leads_there(self, owner: Client, function: Function) -> None:
        said = self.left(owner, function, who="s3.amazonaws.com", source_arn="arn:aws:s3:::b", source_account="222222222222")
        assert "s3:PutBucketNotificationConfiguration" in said
        there = reverse("wiring-new")
        assert f"{there}?function={function.pk}&kind=s3&source=arn%3Aaws%3As3%3A%3A%3Ab&account=222222222222" in said

    def test_nobody_else_has_anything_left_to_do(self, owner: Client, function: Function) -> None:
        assert self.left(owner, function) == ""
        assert self.left(owner, function, who="nobody.amazonaws.com", source_account="222222222222") == ""
