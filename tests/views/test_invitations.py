"""Inviting somebody, step by step without JavaScript; what an invitation's page says and lets one do; whose it is."""

import html
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Event,
    Function,
    Grant,
    Invitation,
    InvitationState,
    Notice,
    Policy,
    Proof,
    Qualifier,
    QualifierKind,
    Reading,
    Role,
    User,
)
from sharing.services import inviting
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

NEW = "/consumers/invitations/new/"
LIST = "/consumers/invitations/"
EMAIL = "dev@acme.example"
NUMBER = "222233334444"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def function() -> Function:
    account = factories.account("Platform", "111111111111")
    factories.connection(account)
    made = factories.function("label-uploads", account)
    Qualifier.objects.create(function=made, kind=QualifierKind.ALIAS, name="live", points_to="7")
    Policy.objects.create(function=made, qualifier="live", reading=Reading.NONE, read_at=timezone.now())
    return made


@pytest.fixture
def robin() -> User:
    return factories.person(Role.OWNER, email="robin@example.com", name="Robin Vega")


@pytest.fixture
def owner(client: Client, robin: User) -> Client:
    client.force_login(robin)
    return client


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())


def filled(*functions: Function, **fields: str) -> dict[str, Any]:
    """The form as a browser posts it."""
    data: dict[str, Any] = {"form_token": uuid.uuid4().hex, "email": EMAIL, "meant": "", "note": "", "q": "", "item": []}
    for number, function in enumerate(functions):
        data["item"].append(f"i{number}")
        data |= {
            f"i{number}-function": str(function.pk),
            f"i{number}-qualifier": "",
            f"i{number}-action": "lambda:InvokeFunction",
            f"i{number}-until": "90d",
            f"i{number}-until_date": "",
        }
    return {**data, **fields}


def carried(page: str) -> dict[str, Any]:
    """What the preview's form sends along."""
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page):
        if name == "item":
            found.setdefault(name, []).append(value)
        else:
            found[name] = html.unescape(value)
    return found


def send(client: Client, data: dict[str, Any]) -> Any:
    """Preview, then press Send, as a person without JavaScript does."""
    preview = client.post(NEW, {**data, "step": "preview"})
    assert preview.status_code == 200, text_of(preview)
    return client.post(NEW, {**carried(preview.content.decode()), "step": "send"})


def invited(function: Function, **fields: Any) -> Invitation:
    offers = [inviting.Offer(function.policies.get(qualifier=""))]
    return inviting.invite(fields.pop("email", EMAIL), offers=offers, by=Actor.at_shell("root"), **fields)


def accepted(invitation: Invitation, number: str = NUMBER) -> Invitation:
    person = factories.person(Role.CONSUMER, email=invitation.email)
    account = factories.account("Acme Retail", number)
    return inviting.accept(invitation, person=person, account=account, proof=Proof.ROLE)


def address(invitation: Invitation, name: str = "invitation-detail") -> str:
    return reverse(name, args=[invitation.pk])


# The form


def test_the_form_opens_with_the_function_it_was_asked_for_from(owner: Client, function: Function) -> None:
    page = text_of(owner.get(f"{NEW}?function={function.pk}&on=live&email={EMAIL}"))
    assert f'value="{EMAIL}"' in page
    assert f'value="{function.pk}" id="id_i0-function"' in page
    assert '<option value="live" selected>Alias live → version 7</option>' in page
    assert "Left empty, they choose which account to prove" in page


@pytest.mark.parametrize(
    "asked",
    ["function=x", f"function={uuid.UUID(int=9)}", "function=%00&on=%00&email=%00", "email=" + "x" * 9000],
    ids=["no id", "unknown", "NUL bytes", "endless"],
)
def test_a_nonsense_address_opens_an_empty_form(owner: Client, asked: str) -> None:
    assert owner.get(f"{NEW}?{asked}").status_code == 200


def test_functions_are_searched_for_ticked_and_removed_without_javascript_and_nothing_typed_is_lost(
    owner: Client, function: Function
) -> None:
    other = factories.function("address-verify", function.account)
    data = filled(function, note="Hello", q="address")
    page = text_of(owner.post(NEW, {**data, "step": "search"}))
    assert f'name="add" value="{other.pk}"' in page
    assert f'name="add" value="{function.pk}"' not in page
    data |= {"i0-qualifier": "live", "i0-until": "7d"}
    page = text_of(owner.post(NEW, {**data, "step": "add", "add": [str(other.pk)]}))
    assert "address-verify added" in page
    assert re.findall(r'name="item" value="(i\d)"', page) == ["i0", "i1"]
    assert page.count('<option value="7d" selected>') == 2, "the next one takes over what the one before it had"
    assert '<option value="live" selected>' in page
    assert ">\nHello</textarea>" in page
    page = text_of(owner.post(NEW, {**data, "remove": "i0"}))
    assert 'name="item"' not in page
    assert not Invitation.objects.exists()


def test_the_enter_key_searches_when_something_is_searched_for_and_else_previews(owner: Client, function: Function) -> None:
    assert "Invite somebody" in text_of(owner.post(NEW, {**filled(function, q="label"), "step": "enter"}))
    assert "Send this invitation?" in text_of(owner.post(NEW, {**filled(function), "step": "enter"}))


def test_two_hundred_functions_are_found_by_name_a_few_at_a_time(owner: Client, function: Function) -> None:
    for number in range(200):
        factories.function(f"report-{number:03}", function.account)
    page = text_of(owner.get("/consumers/invitations/functions/?q=report", headers=HTMX))
    assert page.count('name="add"') == 12
    assert "and 188 more" in page
    assert "<html" not in page
    few = queries(owner, "/consumers/invitations/functions/?q=report-0")
    assert queries(owner, "/consumers/invitations/functions/?q=report") == few
    many = Function.objects.filter(name__startswith="report-0")[:50]
    counts = [queries(owner, f"{NEW}?{'&'.join(f'function={one.pk}' for one in chosen)}") for chosen in (many[:2], many)]
    assert counts[0] == counts[1]


def test_the_preview_shows_the_mail_the_sentence_the_dangers_and_the_bytes_and_sends_nothing(
    owner: Client, function: Function
) -> None:
    data = filled(function, note="See https://x.example", **{"i0-action": "lambda:UpdateFunctionCode", "i0-until": "7d"})
    page = text_of(owner.post(NEW, {**data, "step": "preview"}))
    assert "[fnshare] Robin Vega invites you to replace the code of label-uploads on AWS Lambda" in page
    assert "> See https://x.example" in page
    assert "http://localhost:8000/invitation/…/" in page
    assert "Every role of the account that they prove" in page
    assert "A second person has to approve this one." in page
    assert "of 20,480 bytes" in page
    assert "No account is named" in page
    assert not Invitation.objects.exists()


def test_the_preview_says_what_they_have_already(owner: Client, function: Function) -> None:
    ends = timezone.localtime().replace(hour=23, minute=59, second=59, microsecond=0) + timedelta(days=90)
    first = accepted(invited(function, meant=NUMBER))
    inviting.make_grants(first.pk)
    Grant.objects.update(ends_at=ends)
    page = text_of(owner.post(NEW, {**filled(function, email="b@acme.example", meant=NUMBER), "step": "preview"}))
    assert "They already have exactly this" in page
    assert "Nothing more would be written" in page


def test_the_preview_names_the_account_or_says_that_nobody_knows_it(owner: Client, function: Function) -> None:
    page = text_of(owner.post(NEW, {**filled(function, meant=NUMBER), "step": "preview"}))
    assert "not known here yet: check the digits" in page
    factories.account("Acme Retail", NUMBER)
    assert "(Acme Retail)" in text_of(owner.post(NEW, {**filled(function, meant=NUMBER), "step": "preview"}))
    page = text_of(owner.post(NEW, {**filled(function, meant="o-a1b2c3d4e5"), "step": "preview"}))
    assert "nobody can accept this invitation now" in page


def test_what_was_previewed_is_sent_once_however_often_it_is_clicked(owner: Client, function: Function, robin: User) -> None:
    preview = owner.post(NEW, {**filled(function, meant=NUMBER), "step": "preview"}).content.decode()
    answers = [owner.post(NEW, {**carried(preview), "step": "send"}) for _ in range(2)]
    invitation = Invitation.objects.get()
    assert {answer["Location"] for answer in answers} == {address(invitation)}
    assert (invitation.email, invitation.number, invitation.created_by) == (EMAIL, NUMBER, robin)
    assert Notice.objects.count() == 1
    assert Event.objects.filter(verb="invitation.made").count() == 1


def test_going_back_keeps_everything(owner: Client, function: Function) -> None:
    preview = owner.post(NEW, {**filled(function, note="Hello\nthere"), "step": "preview"}).content.decode()
    page = text_of(owner.post(NEW, {**carried(preview), "step": "edit"}))
    assert "Hello\nthere</textarea>" in page
    assert 'name="item" value="i0"' in page
    assert "Nothing was sent" not in page


def test_a_form_that_was_changed_behind_the_preview_is_shown_again(owner: Client, function: Function) -> None:
    preview = carried(owner.post(NEW, {**filled(function), "step": "preview"}).content.decode())
    response = owner.post(NEW, {**preview, "i0-action": "lambda:GetFunction", "step": "send"})
    assert response.status_code == 422
    assert "The preview was not up to date" in text_of(response)
    assert not Invitation.objects.exists()


def test_a_form_sent_again_after_going_back_and_changing_it_can_be_sent_anew(owner: Client, function: Function) -> None:
    data = filled(function)
    assert send(owner, data).status_code == 302
    preview = carried(owner.post(NEW, {**data, "email": "b@acme.example", "step": "preview"}).content.decode())
    refused = owner.post(NEW, {**preview, "step": "send"})
    assert refused.status_code == 422
    page = text_of(refused)
    assert "already sent, with other contents" in page
    fresh = re.search(r'name="form_token" value="([0-9a-f]{32})"', page)
    assert fresh is not None
    assert send(owner, {**data, "email": "b@acme.example", "form_token": fresh[1]}).status_code == 302
    assert Invitation.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": ""}, "Say whom to invite."),
        ({"email": "nobody"}, "That is no e-mail address."),
        ({"meant": "everyone"}, "An invitation is for an account or an organisation."),
        ({"meant": "12345"}, "has 5 digits"),
        ({"note": "x" * 1001}, "1,001 characters"),
        ({"i0-qualifier": "gone"}, "no such alias or version any more"),
        ({"i0-action": "lambda:*"}, "Choose an action of the list."),
        ({"i0-until": "date", "i0-until_date": "2020-01-01"}, "The end date is in the past."),
        ({"i0-until": "date", "i0-until_date": ""}, "Choose the last day"),
        ({"i0-until": "999999d"}, "Choose one of the offered ends."),
        ({"i0-function": str(uuid.UUID(int=7))}, "is not there any more"),
        ({"i0-function": "\x00"}, "is not there any more"),
        ({"item": "i99999999"}, "Nothing is offered."),
        ({"form_token": "x" * 70}, "at most 64 characters"),
    ],
)
def test_what_is_wrong_is_said_where_it_is_and_the_form_stays(
    owner: Client, function: Function, fields: dict[str, str], words: str
) -> None:
    response = owner.post(NEW, {**filled(function), **fields, "step": "preview"})
    assert response.status_code == 422
    assert words in text_of(response)
    assert "Nothing was sent" in text_of(response)
    assert not Invitation.objects.exists()


def test_a_limit_that_is_reached_when_it_is_sent_is_said_on_the_form(owner: Client, function: Function, robin: User) -> None:
    preview = carried(owner.post(NEW, {**filled(function), "step": "preview"}).content.decode())
    invited(function)
    response = owner.post(NEW, {**preview, "step": "send"})
    assert response.status_code == 422
    assert "is invited to label-uploads (lambda:InvokeFunction) already" in text_of(response)


def test_a_function_of_another_scope_can_neither_be_found_nor_offered(client: Client, function: Function) -> None:
    stranger = factories.person(Role.OWNER, accounts=[factories.account()])
    client.force_login(stranger)
    assert "label-uploads" not in text_of(client.get(f"{NEW}?function={function.pk}"))
    assert "label-uploads" not in text_of(client.get("/consumers/invitations/functions/?q=label"))
    for step in ("add", "preview", "send"):
        response = client.post(NEW, {**filled(function), "add": str(function.pk), "step": step})
        assert "label-uploads" not in text_of(response)
    assert not Invitation.objects.exists()


# The list


def test_the_list_says_where_each_stands_and_filters(owner: Client, function: Function) -> None:
    assert "Nobody was invited yet" in text_of(owner.get(LIST))
    invited(function)
    accepted(invited(function, email="b@acme.example"))
    failed = invited(function, email="c@acme.example")
    Notice.objects.filter(invitation=failed).update(
        state="failed", failure="The mail server refuses this address: 550 <b>no</b>"
    )
    response = owner.get(LIST)
    page = text_of(response)
    for words in ("Waits for an answer", "Waits for confirmation", "Mail failed", "2222 3333 4444", "label-uploads"):
        assert words in page
    assert b"550 <b>" not in response.content
    only = text_of(owner.get(f"{LIST}?state=to-confirm"))
    assert ("b@acme.example" in only, EMAIL in only) == (True, False)
    assert "No invitation matches" in text_of(owner.get(f"{LIST}?q=nothing"))
    for odd in ("?state=x&q=%00", "?page=999999999999999999999", "?q=" + "9" * 3000):
        assert owner.get(f"{LIST}{odd}").status_code == 200


def test_the_list_costs_the_same_queries_at_any_length(owner: Client, function: Function) -> None:
    invited(function)
    few = queries(owner, LIST)
    for number in range(30):
        made = invited(function, email=f"dev{number}@acme.example")
        if number % 3 == 0:
            Invitation.objects.filter(pk=made.pk).update(created_by=factories.person(Role.OWNER))
    assert queries(owner, LIST) == few


# One invitation


def test_the_page_says_in_words_where_it_stands(owner: Client, function: Function) -> None:
    invitation = invited(function, note="<script>alert(1)</script>\nhttps://evil.example")
    page = owner.get(address(invitation)).content.decode()
    assert "The mail has not left yet" in page
    assert "&lt;script&gt;" in page
    assert 'href="https://evil.example' not in page
    assert 'hx-trigger="every' in page
    Notice.objects.update(state="sent", sent_at=timezone.now())
    Invitation.objects.update(sent_at=timezone.now())
    page = text_of(owner.get(address(invitation)))
    assert "The mail left" in page
    assert "Taken by the mail server is not yet read" in page
    assert 'hx-trigger="every' not in page
    Notice.objects.update(state="failed", failure="The mail server refuses this address: 550 unknown.")
    page = text_of(owner.get(address(invitation)))
    assert "550 unknown" in page
    assert "Check the address" in page


def test_a_poll_gets_the_body_alone(owner: Client, function: Function) -> None:
    page = text_of(owner.get(address(invited(function)), headers={**HTMX, "HX-Target": "invitation"}))
    assert page.strip().startswith('<div id="invitation"')
    assert "<html" not in page


def test_an_owner_confirms_the_account_that_was_shown_and_it_becomes_grants(owner: Client, function: Function) -> None:
    invitation = accepted(invited(function))
    page = text_of(owner.get(address(invitation)))
    assert "Is this the account you meant?" in page
    assert ">2222 3333 4444</code>" in page
    assert "Not known here before" in page
    assert "Not on it" in page
    wrong = owner.post(address(invitation, "invitation-confirm"), {"account": "999999999999"}, follow=True)
    assert "Another account was proved meanwhile" in text_of(wrong)
    for _ in range(2):
        assert owner.post(address(invitation, "invitation-confirm"), {"account": NUMBER}).status_code == 302
    assert Event.objects.filter(verb="invitation.confirmed").count() == 1
    assert "Being made" in text_of(owner.get(address(invitation)))
    inviting.make_grants(invitation.pk)
    grant = Grant.objects.get()
    page = text_of(owner.get(address(invitation)))
    assert reverse("grant-detail", args=[grant.pk]) in page
    assert "Accepted is not yet active" in page
    now = timezone.now()
    for facts, polls in (
        ({"state": "active", "settled_at": now}, True),
        ({"checked_at": now, "verdict": "allowed"}, False),
        ({"checked_at": None, "verdict": "", "settled_at": now - timedelta(minutes=2)}, False),
    ):
        Grant.objects.update(**facts)
        assert ('hx-trigger="every' in text_of(owner.get(address(invitation)))) is polls, facts


def test_an_account_that_was_here_before_and_is_trusted_is_marked_so(owner: Client, function: Function) -> None:
    from sharing.services import trusting

    factories.account("Acme Retail", NUMBER)
    trusting.add(NUMBER, by=Actor.at_shell("root"))
    invitation = invited(function)
    account = Account.objects.get(number=NUMBER)
    person = factories.person(Role.CONSUMER, email=EMAIL)
    inviting.accept(invitation, person=person, account=account, proof=Proof.ORGANIZATION)
    page = text_of(owner.get(address(invitation)))
    assert "Known here before this invitation" in page
    assert "On it" in page
    assert "That the person acts for it was not shown" in page


def test_refusing_the_account_cancels_it_and_shares_nothing(owner: Client, function: Function) -> None:
    invitation = accepted(invited(function))
    assert "Refuse this account?" in text_of(owner.get(address(invitation, "invitation-cancel")))
    done = owner.post(address(invitation, "invitation-cancel"), {"reason": "not them"}, follow=True)
    assert "Nothing was shared" in text_of(done)
    assert owner.post(address(invitation, "invitation-confirm"), {"account": NUMBER}).status_code == 302
    invitation.refresh_from_db()
    assert (invitation.state, invitation.ended_reason) == (InvitationState.CANCELLED, "not them")
    assert inviting.make_grants(invitation.pk) == []
    assert not Grant.objects.exists()


def test_an_item_that_failed_says_why_and_offers_to_share_it_directly(owner: Client, function: Function) -> None:
    invitation = accepted(invited(function, meant=NUMBER))
    invitation.items.update(failure="The policy is full.", failure_next="Take something back.")
    page = owner.get(address(invitation)).content.decode()
    assert "The policy is full. Take something back." in page
    assert f"{reverse('function-share', args=[function.pk])}?who={NUMBER}" in page


def test_sending_again_and_cancelling_answer_with_words_when_it_is_too_soon_or_too_late(
    owner: Client, function: Function
) -> None:
    invitation = invited(function)
    assert "less than a minute" in text_of(owner.post(address(invitation, "invitation-resend"), follow=True))
    Notice.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert "A new link is on its way" in text_of(owner.post(address(invitation, "invitation-resend"), follow=True))
    for _ in range(2):
        owner.post(address(invitation, "invitation-cancel"), {"reason": ""})
    assert Event.objects.filter(verb="invitation.cancelled").count() == 1
    assert "is cancelled" in text_of(owner.post(address(invitation, "invitation-resend"), follow=True))


@pytest.mark.parametrize("name", ["invitation-detail", "invitation-resend", "invitation-cancel", "invitation-confirm"])
def test_to_an_owner_of_other_accounts_an_invitation_does_not_exist(client: Client, function: Function, name: str) -> None:
    invitation = accepted(invited(function))
    mixed = factories.function()
    client.force_login(factories.person(Role.OWNER, accounts=[mixed.account]))
    assert EMAIL not in text_of(client.get(LIST))
    for answer in (client.get(address(invitation, name)), client.post(address(invitation, name), {"account": NUMBER})):
        assert answer.status_code in (404, 405)
        assert EMAIL not in text_of(answer)
    invitation.refresh_from_db()
    assert invitation.awaits_confirmation


def test_an_auditor_sees_everything_and_finds_nothing_to_press(client: Client, function: Function) -> None:
    client.force_login(factories.person(Role.AUDITOR))
    assert "Invite somebody" not in text_of(client.get(LIST))
    page = text_of(client.get(address(accepted(invited(function)))))
    assert "Is this the account you meant?" in page
    assert "<button" not in page.partition('<div id="invitation"')[2].replace('<button type="button" class="copy"', "")
    assert client.get(NEW).status_code == 403


# Doors to it


def test_a_functions_page_and_its_share_form_lead_here(owner: Client, function: Function) -> None:
    link = f"{NEW}?function={function.pk}"
    assert link in text_of(owner.get(reverse("function-detail", args=[function.pk])))
    form = {
        "form_token": "x",
        "who": "Dev@acme.example",
        "action": "lambda:InvokeFunction",
        "qualifier": "live",
        "until": "90d",
    }
    live = text_of(owner.post(reverse("function-share-preview", args=[function.pk]), form, headers=HTMX))
    assert "Invite them instead" in live
    assert f"{link}&on=live&email=Dev%40acme.example" in live
    page = text_of(owner.post(reverse("function-share", args=[function.pk]), {**form, "step": "preview"}))
    assert "Invite them instead" in page
    form["who"] = "arn:aws:iam::222233334444:user/dev@acme.example"
    assert "Invite them" not in text_of(owner.post(reverse("function-share-preview", args=[function.pk]), form, headers=HTMX))


def test_the_overview_names_what_waits_for_somebody(owner: Client, function: Function) -> None:
    accepted(invited(function))
    unsent = invited(function, email="gone@acme.example")
    Notice.objects.filter(invitation=unsent).update(state="failed", failure="550 unknown")
    page = text_of(owner.get("/"))
    assert f"{EMAIL} proved account 2222 3333 4444" in page
    assert "The mail to gone@acme.example did not arrive" in page


# What a worker is told


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What the doors hand to workers: task, row, queue."""
    heard: list[tuple[str, str, str]] = []
    monkeypatch.setattr(
        "sharing.views.invitations.soon", lambda task, pk, queue="clicks": heard.append((task.name, str(pk), queue))
    )
    return heard


def test_each_click_tells_a_worker_about_the_row_it_wrote(
    owner: Client, function: Function, told: list[tuple[str, str, str]]
) -> None:
    send(owner, filled(function))
    invitation = Invitation.objects.get()
    first = invitation.notices.get()
    assert told == [("sharing.send_notice", str(first.pk), "mail")]
    Notice.objects.update(state="sent", created_at=timezone.now() - timedelta(minutes=2))
    owner.post(address(invitation, "invitation-resend"))
    assert told[1:] == [("sharing.send_notice", str(invitation.notices.get(state="queued").pk), "mail")]
    accepted(invitation)
    owner.post(address(invitation, "invitation-confirm"), {"account": NUMBER})
    assert told[2:] == [("sharing.make_grants", str(invitation.pk), "clicks")]


def test_a_mail_that_was_tried_and_not_taken_says_when_it_is_tried_again(owner: Client, function: Function) -> None:
    invitation = invited(function)
    later = timezone.now() + timedelta(minutes=5)
    Notice.objects.update(tries=3, next_try_at=later, failure="The mail server did not take it (TimeoutError).")
    page = text_of(owner.get(address(invitation)))
    assert "Tried, not taken yet" in page
    assert re.search(r"Tried 3 times; next <time [^>]*>in [45] min</time>", page)
