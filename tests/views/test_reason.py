"""The page that answers whether somebody can invoke a function and why somebody could not."""

import html
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import Event, Function, Policy, Reading, Role
from sharing.services import syncing
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

PLATFORM, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"
ROLE = f"arn:aws:iam::{ACME}:role/deploy"
SESSION = f"arn:aws:sts::{ACME}:assumed-role/deploy/s1"
INVOKE = "lambda:InvokeFunction"


@pytest.fixture
def function() -> Function:
    platform = factories.account("Platform", PLATFORM)
    factories.account("Acme Retail", ACME)
    return factories.function("label-uploads", platform, urls={})


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(factories.person(Role.OWNER))
    return client


def holds(function: Function, *statements: dict[str, Any]) -> None:
    policy = function.policies.get(qualifier="")
    Policy.objects.filter(pk=policy.pk).update(read_at=None)
    policy.refresh_from_db()
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    syncing.store_policy(policy, StoredPolicy(text, "revision"), read_at=timezone.now())


def statement(function: Function, principal: Any, sid: str = "theirs") -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": INVOKE, "Resource": function.arn}


def text_of(response: Any) -> str:
    return html.unescape(str(response.content.decode()))


def asked(function: str = "label-uploads", principal: str = "Acme Retail", **more: str) -> str:
    return f"{reverse('access-reason')}?{urlencode({'function': function, 'principal': principal, **more})}"


def refusal(arn: str, who: str = SESSION) -> str:
    return f"User: {who} is not authorized to perform: {INVOKE} on resource: {arn}"


def test_the_page_offers_both_questions(owner: Client, function: Function) -> None:
    page = text_of(owner.get(reverse("access-reason")))
    assert "Ask about one caller" in page
    assert "Why was I denied?" in page
    assert 'value="Acme Retail"' in page


def test_an_answer_shows_both_sides_and_what_is_not_known(owner: Client, function: Function) -> None:
    holds(function, statement(function, {"AWS": f"arn:aws:iam::{ACME}:root"}))
    page = text_of(owner.get(asked()))
    assert "Yes, as far as the owner's side goes: the statement “theirs” lets Acme Retail invoke label-uploads." in page
    assert "Their own account must allow it too" in page
    assert f'"Resource": "{function.arn}"' in page
    assert "service control policies" in page.lower()
    policy = function.policies.get()
    assert f"{reverse('function-policy', args=[function.pk])}#statement-{policy.pk}-0" in page
    assert f"{reverse('function-checks', args=[function.pk])}?on=&as={ACME}" in page


def test_a_link_may_fill_in_the_function_alone(owner: Client, function: Function) -> None:
    response = owner.get(reverse("access-reason"), {"function": function.arn})
    assert response.status_code == 200
    assert f'value="{function.arn}"' in text_of(response)
    assert "Say who calls" not in text_of(response)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"function": "", "principal": ""}, "Say which function."),
        ({"function": "nothing", "principal": "Acme Retail"}, "nothing is not known here."),
        ({"function": "label-uploads", "principal": "who?"}, "nobody AWS could share with"),
        ({"function": "label-uploads", "principal": ACME, "action": "lambda:*"}, "Choose an action of the list."),
        ({"function": "label-uploads", "principal": ACME, "source_account": "12"}, "exactly 12 digits"),
        ({"function": "label-uploads", "principal": ACME, "source_ip": "x"}, "IPv4"),
        ({"function": "label-uploads", "principal": ACME, "keys": "nonsense"}, "Write one key and its value a line"),
        ({"function": "label-uploads", "principal": ACME, "keys": "lambda:EventSourceToken=canary"}, "is a secret"),
        ({"function": "\x00", "principal": "\x00"}, "Say which function."),
        ({"function": "x" * 5000, "principal": "9" * 5000}, "at most"),
        ({"function": "<script>", "principal": "<script>"}, "is not known here."),
        ({"function": "label-uploads", "principal": f"arn:aws:iam::{ACME}:role/\u0000\ud800x"}, "cannot be"),
    ],
)
def test_bad_input_is_422_with_what_to_do(owner: Client, function: Function, query: dict[str, str], said: str) -> None:
    encoded = urlencode({key: value.encode("utf-8", "surrogatepass") for key, value in query.items()})
    response = owner.get(f"{reverse('access-reason')}?{encoded}")
    assert response.status_code == 422
    assert said in text_of(response)
    assert "<script>" not in response.content.decode().split("<main")[1]


def test_what_is_known_of_the_call_decides(owner: Client, function: Function) -> None:
    org = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}, "StringLike": {"aws:PrincipalTag/team": "pay*"}}
    holds(function, {**statement(function, "*"), "Condition": org})
    assert "It depends:" in text_of(owner.get(asked()))
    known = {"organization": "o-a1b2c3d4e5", "keys": "aws:principaltag/team = payments\n\n"}
    assert "Yes, as far as the owner's side goes" in text_of(owner.get(asked(**known)))


def test_a_pasted_refusal_is_explained_with_a_share_to_click(owner: Client, function: Function) -> None:
    holds(function, statement(function, {"AWS": f"arn:aws:iam::{GLOBEX}:root"}))
    response = owner.post(reverse("access-reason"), {"text": refusal(function.arn)})
    assert response.status_code == 200
    page = text_of(response)
    assert "label-uploads is not shared with them" in page
    link = f"{reverse('function-share', args=[function.pk])}?{urlencode({'who': ROLE, 'on': '', 'action': INVOKE})}"
    assert link in page
    form = text_of(owner.get(link))
    assert f'value="{ROLE}"' in form
    assert f'<option value="{INVOKE}" selected>' in form
    assert response.headers["Cache-Control"].find("no-store") >= 0


def test_an_auditor_gets_the_reason_and_nothing_to_change(client: Client, function: Function) -> None:
    holds(function, statement(function, {"AWS": f"arn:aws:iam::{GLOBEX}:root"}))
    client.force_login(factories.person(Role.AUDITOR))
    before = Event.objects.count()
    page = text_of(client.post(reverse("access-reason"), {"text": refusal(function.arn)}))
    assert "label-uploads is not shared with them" in page
    assert "An owner of Platform can share it." in page
    assert reverse("function-share", args=[function.pk]) not in page
    assert Event.objects.count() == before
    Policy.objects.filter(function=function).update(unread_since=timezone.now(), unread_reason="No.", reading=Reading.UNREAD)
    page = text_of(client.post(reverse("access-reason"), {"text": refusal(function.arn)}))
    assert "Re-read the function" not in page


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("", 422, "Paste the error text."),
        ("  ", 422, "Paste the error text."),
        ("\x00\x00", 422, "Paste the error text."),
        ("x" * 9000, 422, "That is more than 8,000 characters"),
        ("hello", 200, "Nothing in this text says that something was denied"),
        ("AccessDeniedException", 200, "names no Lambda function"),
        (
            "User: <script>alert(1)</script> is not authorized to perform: <img src=x> on resource: <b>",
            200,
            "Why it was denied",
        ),
    ],
)
def test_any_text_is_answered_and_stays_text(owner: Client, function: Function, text: str, status: int, said: str) -> None:
    response = owner.post(reverse("access-reason"), {"text": text})
    assert response.status_code == status
    assert said in text_of(response)
    for tag in ("<script>alert", "<img src=x", "<b>"):
        assert tag not in response.content.decode()


def test_what_was_pasted_is_neither_logged_nor_kept(
    owner: Client, function: Function, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG"):
        owner.post(reverse("access-reason"), {"text": refusal(function.arn, f"arn:aws:iam::{ACME}:role/canary-7Q2mX")})
        owner.post(reverse("access-reason"), {"text": "canary-7Q2mX " * 900})
    assert "canary-7Q2mX" not in caplog.text
    assert "canary-7Q2mX" not in "".join(capfd.readouterr())


def test_an_error_report_hides_what_was_pasted(owner: Client, function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.views.debug import SafeExceptionReporterFilter

    from sharing.services.access import denials

    def fail(_text: str) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(denials, "read_denial", fail)
    with pytest.raises(RuntimeError) as caught:
        owner.post(reverse("access-reason"), {"text": "canary-7Q2mX"})
    request, shown = None, ""
    frame: Any = caught.tb
    reporting = SafeExceptionReporterFilter()
    while frame is not None:
        request = frame.tb_frame.f_locals.get("request", request)
        if frame.tb_frame.f_code.co_filename.endswith("denials.py"):
            monkeypatch.setattr(reporting, "is_active", lambda _request: True)
            shown += repr(reporting.get_traceback_frame_variables(request, frame.tb_frame))
        frame = frame.tb_next
    assert request is not None
    assert "canary" not in shown
    assert "canary" not in repr(reporting.get_post_parameters(request))


def test_out_of_scope_is_as_if_it_did_not_exist(client: Client, function: Function) -> None:
    holds(function, statement(function, {"AWS": f"arn:aws:iam::{ACME}:root"}))
    client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
    pages = []
    for arn in (function.arn, function.arn.replace("label", "table")):
        asked_page = text_of(client.get(asked(arn))).replace("table", "label")
        denied_page = text_of(client.post(reverse("access-reason"), {"text": refusal(arn)})).replace("table", "label")
        pages.append([_without_tokens(page) for page in (asked_page, denied_page)])
    assert pages[0] == pages[1]
    assert "theirs" not in "".join(pages[0])


def _without_tokens(page: str) -> str:
    import re

    return re.sub(r'(csrfmiddlewaretoken" value="|X-CSRFToken": ?")[^"]+', "", page)


def test_suggestions_are_options_in_scope(owner: Client, function: Function, client: Client) -> None:
    address = reverse("access-reason-functions")
    assert f'<option value="{function.arn}">' in text_of(owner.get(address, {"function": "label"}))
    assert text_of(owner.get(address, {"function": "\x00"})).strip() == ""
    client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
    assert text_of(client.get(address, {"function": "label"})).strip() == ""


def test_the_number_of_queries_does_not_grow(owner: Client, function: Function) -> None:
    holds(function, statement(function, {"AWS": f"arn:aws:iam::{ACME}:root"}))
    before = queries(owner, asked())
    for number in range(30):
        factories.function(f"label-{number}", function.account)
        factories.account(f"Consumer {number}")
        factories.grant(function, ACME)
    holds(function, *(statement(function, {"AWS": f"arn:aws:iam::{ACME}:role/r{n}"}, f"s{n}") for n in range(30)))
    assert queries(owner, asked()) == before
