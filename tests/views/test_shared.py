"""Shared with me: what consumers see, and that nothing else can be had from any of their addresses."""

import csv
import io
import json
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from sharing.models import (
    Account,
    Check,
    CheckState,
    Function,
    Grant,
    GrantState,
    Membership,
    Occasion,
    Policy,
    Role,
    User,
    Verdict,
)
from tests import factories
from tests.services.kept import ACME, GLOBEX, allow, kept
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true", "HX-Target": "standing"}
#: What differs between two questions anyhow: ids and moments.
SAME = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.\d]*")


@pytest.fixture
def acme() -> Account:
    return factories.account("Acme Retail", ACME)


@pytest.fixture
def jo(acme: Account) -> User:
    return factories.acting("jo@example.com", acme)


@pytest.fixture
def consumer(client: Client, jo: User) -> Client:
    client.force_login(jo)
    return client


@pytest.fixture
def function() -> Function:
    return factories.function("label-uploads", factories.account("Platform", "444455556666"))


def policy(of: Function) -> Policy:
    return of.policies.get(qualifier="")


def text(response: Any) -> str:
    return str(response.content.decode())


def whole(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


# What is seen


def test_the_list_names_function_owner_and_what_one_may_do(consumer: Client, function: Function) -> None:
    ends = timezone.now() + timedelta(days=9)
    grant = factories.grant(function, ACME, ends_at=ends)
    Check.objects.create(
        policy=policy(function),
        grant=grant,
        occasion=Occasion.GRANT,
        state=CheckState.DONE,
        verdict=Verdict.ALLOWED,
        principal=f"arn:aws:iam::{ACME}:role/fnshare-checker",
        requested_as="x",
        done_at=timezone.now(),
    )
    page = text(consumer.get("/shared/"))
    for said in (
        "label-uploads",
        "Platform",
        "4444 5555 6666",
        "us-east-1",
        "invoke",
        "Active",
        "Proved for role/fnshare-checker",
    ):
        assert said in page, said
    assert reverse("shared-function", args=[policy(function).pk]) in page
    assert 'action="/shared/"' in page  # the search box of every page searches their list


def test_told_is_not_proved(consumer: Client, function: Function) -> None:
    factories.grant(function, ACME)
    page = text(consumer.get("/shared/"))
    assert "Active" in page
    assert "Not checked" in page
    assert "Proved" not in page


def test_the_function_starts_with_what_is_pasted(consumer: Client, function: Function) -> None:
    factories.grant(function, ACME)
    page = text(consumer.get(reverse("shared-function", args=[policy(function).pk])))
    for title in ("AWS CLI", "Python (boto3)", "JavaScript (SDK v3)", "Identity policy", "Terraform", "CloudFormation"):
        assert title in page
    assert page.index("AWS CLI") < page.index("Does it work?") < page.index("What you may do")
    assert f"--function-name {function.arn}" in page
    assert "needs the" in page  # the account's own policy counts too
    assert page.count("data-copy-from=") == 7


def test_only_actions_that_one_has_are_offered(consumer: Client, function: Function) -> None:
    kept(function, allow(ACME, "GetFunction"), allow(ACME))
    address = reverse("shared-function", args=[policy(function).pk])
    assert "aws lambda invoke" in text(consumer.get(address))
    assert "aws lambda get-function" in text(consumer.get(address, {"action": "lambda:GetFunction"}))
    for other in ("lambda:DeleteFunction", "nonsense", "\x00"):
        page = text(consumer.get(address, {"action": other}))
        assert "aws lambda invoke" in page
        assert "delete-function" not in page


def test_a_role_that_is_let_in_is_put_into_the_templates(consumer: Client, function: Function) -> None:
    factories.grant(function, ACME)
    Grant.objects.update(principal_kind="role", principal=f"arn:aws:iam::{ACME}:role/apps/order-processor")
    pack = consumer.get(reverse("shared-pack", args=[policy(function).pk]))
    assert 'Default: "order-processor"' in text(pack)
    assert pack["Content-Disposition"].startswith('attachment; filename="fnshare-label-uploads-')
    assert pack["Content-Type"] == "text/markdown; charset=utf-8"


def test_a_share_that_is_being_set_up_is_polled_until_it_is(consumer: Client, function: Function) -> None:
    factories.grant(function, ACME, state=GrantState.PENDING, unsettled_since=timezone.now())
    address = reverse("shared-function", args=[policy(function).pk])
    assert 'hx-trigger="every 1s"' in text(consumer.get("/shared/"))
    fragment = text(consumer.get(address, headers=HTMX))
    assert 'hx-trigger="every 1s"' in fragment
    assert "<html" not in fragment
    assert "AWS CLI" not in fragment
    Grant.objects.update(state=GrantState.ACTIVE, unsettled_since=None)
    assert "hx-trigger" not in text(consumer.get(address, headers=HTMX))
    assert "hx-trigger" not in text(consumer.get("/shared/"))


def test_what_ends_while_its_page_is_open_leads_back_to_the_list(consumer: Client, function: Function) -> None:
    grant = factories.grant(function, ACME, state=GrantState.REVOKED)
    for pk in (grant.policy_id, uuid.uuid4()):
        response = consumer.get(reverse("shared-function", args=[pk]), headers=HTMX)
        assert (response.status_code, response["HX-Redirect"], response.content) == (404, "/shared/", b"")


def test_every_empty_list_says_what_to_do(client: Client, acme: Account) -> None:
    person = factories.person(Role.OWNER)
    client.force_login(person)
    assert "You act for no account yet" in text(client.get("/shared/"))
    factories.membership(person, acme)
    assert "Nothing is shared with your accounts yet" in text(client.get("/shared/"))
    assert "Nothing that is shared with you matches" in text(client.get("/shared/?q=x"))
    assert "Nothing has ended" in text(client.get("/shared/?show=ended"))


def test_people_of_every_role_see_the_same_of_an_account_they_act_for(
    client: Client, acme: Account, function: Function
) -> None:
    factories.grant(function, ACME)
    for role in (Role.OWNER, Role.AUDITOR, Role.ADMIN):
        person = factories.person(role, accounts=[]) if role != Role.ADMIN else factories.person(role)
        client.force_login(person)
        assert client.get(reverse("shared-function", args=[policy(function).pk])).status_code == 404
        factories.membership(person, acme)
        assert "label-uploads" in text(client.get("/shared/"))
        assert "AWS CLI" in text(client.get(reverse("shared-function", args=[policy(function).pk])))


def test_what_ended_is_listed_and_leads_nowhere(consumer: Client, function: Function) -> None:
    factories.grant(function, ACME, state=GrantState.EXPIRED, settled_at=timezone.now())
    page = text(consumer.get("/shared/?show=ended"))
    assert "label-uploads" in page
    assert "Ended on its date" in page
    assert reverse("shared-function", args=[policy(function).pk]) not in page


# What is done


def test_check_now_queues_one_check_and_says_when_the_next_may_be(consumer: Client, acme: Account, function: Function) -> None:
    factories.connection(acme, "checker")
    kept(function, allow(ACME))
    address = reverse("shared-check", args=[policy(function).pk])
    assert "Trying it…" in text(consumer.post(address, {"account": ACME}, headers=HTMX))
    assert Check.objects.get().asked_as == ACME
    Check.objects.update(state=CheckState.DONE, verdict=Verdict.DENIED, answer="denied-identity", done_at=timezone.now())
    again = text(consumer.post(address, {"account": ACME}, headers=HTMX))
    assert "It was checked a moment ago" in again
    assert "Its own account refuses" in again
    assert Check.objects.count() == 1
    assert consumer.post(address, {"account": ACME}).status_code == 302
    for other in (GLOBEX, "", "\x00", "9" * 4000):
        assert consumer.post(address, {"account": other}).status_code == 404


def test_giving_back_is_asked_first_then_done(consumer: Client, function: Function) -> None:
    account = function.account
    factories.connection(account)
    grant = factories.grant(function, ACME)
    address = reverse("shared-leave", args=[grant.pk])
    page = text(consumer.get(address))
    assert "Nothing else in its policy lets" in page
    assert "no longer invoke" in page
    done = consumer.post(address, {"reason": "We built our own"}, follow=True)
    assert "Giving label-uploads back" in text(done)
    assert "Being taken back" in text(done)
    grant.refresh_from_db()
    assert (grant.state, grant.wanted, grant.revoke_reason) == (GrantState.REVOKING, "absent", "We built our own")
    assert consumer.post(address).status_code == 302  # a second click changes nothing
    assert consumer.post(address, {"reason": "x" * 501}).status_code == 422
    assert reverse("shared-leave", args=[grant.pk]) not in text(
        consumer.get(reverse("shared-function", args=[grant.policy_id]))
    )


def test_a_refusal_stands_on_the_page(consumer: Client, function: Function) -> None:
    grant = factories.grant(function, ACME)  # nobody connected the owner's account
    response = consumer.post(reverse("shared-leave", args=[grant.pk]))
    assert response.status_code == 422
    assert "cannot be reached from here" in text(response)


def test_leaving_an_account(consumer: Client, jo: User, function: Function) -> None:
    factories.grant(function, ACME)
    membership = Membership.objects.get(person=jo)
    address = reverse("shared-account-leave", args=[membership.pk])
    assert "need a new invitation" in text(consumer.get(address))
    assert "You act for no account yet" in text(consumer.post(address, follow=True))
    assert consumer.get(address).status_code == 404


def test_an_auditor_who_acts_for_an_account_changes_nothing(client: Client, acme: Account, function: Function) -> None:
    auditor = factories.person(Role.AUDITOR)
    membership = factories.membership(auditor, acme)
    grant = factories.grant(function, ACME)
    client.force_login(auditor)
    for name, pk in (
        ("shared-leave", grant.pk),
        ("shared-check", grant.policy_id),
        ("shared-account-leave", membership.pk),
    ):
        assert client.post(reverse(name, args=[pk]), {"account": ACME}).status_code == 403
    assert not Check.objects.exists()


# For keeping


def test_the_list_is_exported_with_formulas_made_harmless(consumer: Client, function: Function) -> None:
    Account.objects.filter(number="444455556666").update(name='=HYPERLINK("http://x")')
    factories.grant(function, ACME)
    factories.grant(factories.function("other"), ACME)
    response = consumer.get("/shared/export/?format=csv&q=label")
    rows = list(csv.reader(io.StringIO(whole(response).removeprefix("\ufeff"))))
    columns, line = next(row for row in rows if row and row[0] == "Function"), rows[-1]
    found = dict(zip(columns, line, strict=True))
    assert (found["Function"], found["Owner"], found["For account id"]) == (
        "label-uploads",
        '\'=HYPERLINK("http://x")',
        "1111 2222 3333",
    )
    assert not any("other" in row for row in rows)
    answer = json.loads(whole(consumer.get("/shared/export/?format=json")))
    assert [one["function"] for one in answer["shared"]] == ["label-uploads", "other"]
    assert answer["accounts"] == [{"number": ACME, "name": "Acme Retail"}]


def test_an_export_of_many_is_whole(consumer: Client, acme: Account) -> None:
    owner = factories.account("Platform")
    for place in range(7):
        factories.grant(factories.function(f"fn-{place}", owner), ACME)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sharing.services.consuming.exporting._AT_ONCE", 3)
        answer = json.loads(whole(consumer.get("/shared/export/?format=json")))
    assert [one["function"] for one in answer["shared"]] == [f"fn-{place}" for place in range(7)]


# Nothing else can be had


class Strange:
    """One of each object that is not Jo's: somebody else's, of an ended membership, revoked, waiting, or of everyone."""

    def __init__(self, jo: User) -> None:
        owner = factories.account("Initech Secret Owner")
        globex = factories.account("Globex", GLOBEX)
        self.someone = factories.membership(account_=globex)
        initech = factories.account("Initech")
        self.left = factories.membership(jo, initech, ended_at=timezone.now())
        self.grants = [
            factories.grant(factories.function("of-globex", owner), GLOBEX),
            factories.grant(factories.function("of-initech", owner), initech.number),
            factories.grant(factories.function("revoked", owner), ACME, state=GrantState.REVOKED),
            factories.grant(factories.function("waits", owner), ACME, state=GrantState.REQUESTED),
            factories.grant(factories.function("refused", owner), ACME, state=GrantState.FAILED),
        ]
        everyone = factories.function("public", owner)
        self.policies = [one.policy_id for one in self.grants]
        self.wirings = [
            factories.wiring(everyone, of=GLOBEX),
            factories.wiring(everyone, "arn:aws:s3:::initech", of=initech.number),
            factories.wiring(everyone, "arn:aws:s3:::over", of=ACME, state="undone"),
        ]
        self.policies.append(kept(everyone, allow("*"), allow(GLOBEX)).pk)
        self.policies.append(kept(factories.function("of-a-service", owner), allow("s3.amazonaws.com")).pk)
        self.policies.append(factories.function("nobodys", owner).policies.get().pk)


def addresses(strange: Strange) -> Iterator[tuple[str, str, uuid.UUID]]:
    """Method, name and id of every consumer address with every object that is not theirs."""
    for pk in strange.policies:
        yield "get", "shared-function", pk
        yield "post", "shared-check", pk
        yield "get", "shared-pack", pk
    for grant in strange.grants:
        yield "get", "shared-leave", grant.pk
        yield "post", "shared-leave", grant.pk
    for wiring in strange.wirings:
        yield "get", "shared-wiring", wiring.pk
        yield "post", "shared-wiring-done", wiring.pk
    for membership in (strange.someone, strange.left):
        yield "get", "shared-account-leave", membership.pk
        yield "post", "shared-account-leave", membership.pk


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_is_not_theirs_is_what_does_not_exist(consumer: Client, jo: User, headers: dict[str, str]) -> None:
    """Object by object: the same text, the same number of queries, the same statements, as for an id of nothing."""

    def asked(method: str, name: str, pk: uuid.UUID) -> tuple[int, str, list[str]]:
        address = reverse(name, args=[pk])
        data = {"account": GLOBEX, "reason": "x", "step": "notification"} if method == "post" else {}
        with CaptureQueriesContext(connection) as captured:
            response = getattr(consumer, method)(address, data, headers=headers)
        # A question about somebody else's row takes another time than one about none: it is not even asked.
        assert not any(str(pk) in query["sql"] or pk.hex in query["sql"] for query in captured)
        sql = [SAME.sub("IT", query["sql"]) for query in captured]
        body = re.sub(r"csrf[^>]*>|X-CSRFToken[^}]*", "", text(response))
        return response.status_code, body.replace(str(pk), "ID"), sql

    strange = Strange(jo)
    asked("get", "shared-function", uuid.uuid4())  # whatever a first request fills
    before = Grant.objects.values_list("pk", "state", "wanted").order_by("pk")
    states = list(before)
    for method, name, pk in addresses(strange):
        nothing = asked(method, name, uuid.uuid4())
        assert nothing[0] == 404
        assert asked(method, name, pk) == nothing, (method, name, pk)
    assert list(before.all()) == states
    assert not Check.objects.exists()


def test_neither_search_filter_nor_export_tell_of_anything_else(consumer: Client, jo: User) -> None:
    def asked(query: str) -> tuple[str, int]:
        with CaptureQueriesContext(connection) as captured:
            page = text(consumer.get(f"/shared/?{query}"))
        words = query.partition("=")[2]
        assert not any(words.lower() in query["sql"].lower() for query in captured)  # looked for in what is theirs
        page = re.sub(r"csrf[^>]*>|X-CSRFToken[^}]*", "", page)
        return page.replace(words, "WORDS").replace(quote_plus(words), "WORDS"), len(captured)

    strange = Strange(jo)
    nothing = asked("q=does-not-exist-at-all")
    arns = [Policy.objects.get(pk=pk).function.arn for pk in strange.policies]
    for words in ("of-globex", "public", "waits", "nobodys", "Globex", "Initech Secret Owner", *arns):
        assert asked(f"q={words}") == nothing, words
        assert "of-" not in whole(consumer.get(f"/shared/export/?q={words}")).replace(f"matches: {words}", "")
    other = asked("account=999999999999")
    for number in (GLOBEX, Account.objects.get(name="Initech").number):
        assert asked(f"account={number}") == other


CANARY = "canary-9Xw2"


def test_no_page_holds_what_belongs_to_the_owner_or_to_another_consumer(consumer: Client, jo: User, acme: Account) -> None:
    factories.account(f"{CANARY} other consumer", GLOBEX)
    owner = factories.account("Platform", "444455556666")
    function = factories.function(
        "label-uploads", owner, tags={CANARY: CANARY}, description=CANARY, details_failure=CANARY, aliases_failure=CANARY
    )
    kept(function, {"Sid": CANARY, **allow(ACME, "GetFunction")}, {"Sid": f"{CANARY}2", **allow(GLOBEX)})
    factories.connection(owner, failure=CANARY)
    factories.connection(acme, "checker", failure=CANARY)
    people = factories.person(Role.OWNER, email=f"{CANARY}@example.com", name=CANARY)
    told: dict[str, Any] = {
        "sid": f"{CANARY}-sid", "requested_by": people, "requested_as": CANARY, "approved_by": people, "revoke_reason": CANARY,
        "failure": CANARY, "failure_next": CANARY, "verdict": "allowed", "verdict_detail": CANARY, "second_person": "",
    }  # fmt: skip
    mine = factories.grant(function, ACME, **told)
    factories.grant(function, GLOBEX, **{**told, "sid": f"{CANARY}-other"})
    factories.grant(function, ACME, **{**told, "sid": f"{CANARY}-over", "state": GrantState.REVOKED})
    Grant.objects.update(reason=CANARY, statement={"Sid": CANARY})
    Policy.objects.update(size=19999, unread_reason=CANARY)
    for verdict in (Verdict.ALLOWED, Verdict.DENIED, Verdict.ERROR):
        Check.objects.create(
            policy=mine.policy, grant=mine, occasion=Occasion.CLICK, state=CheckState.DONE, verdict=verdict, detail=CANARY,
            requested_by=people, requested_as=CANARY, done_at=timezone.now(),
        )  # fmt: skip
    pk = mine.policy_id
    pages = [
        consumer.get("/shared/"),
        consumer.get("/shared/?show=ended"),
        consumer.get(reverse("shared-function", args=[pk])),
        consumer.get(reverse("shared-function", args=[pk]), headers=HTMX),
        consumer.get(reverse("shared-function", args=[pk]), {"action": "lambda:GetFunction"}),
        consumer.get(reverse("shared-pack", args=[pk])),
        consumer.get(reverse("shared-leave", args=[mine.pk])),
        consumer.post(reverse("shared-check", args=[pk]), {"account": ACME}, headers=HTMX),
    ]
    for response in pages:
        assert response.status_code == 200
        said = text(response)
        assert "label-uploads" in said or "Does it work?" in said
        assert CANARY not in said
        assert GLOBEX not in said.replace(" ", "")
        assert "19999" not in said.replace(",", "")
    Policy.objects.update(unread_since=timezone.now())
    Policy.objects.update(lease_holder=CANARY)
    exported = [whole(consumer.get(f"/shared/export/?format={kind}")) for kind in ("csv", "json")]
    for said in (*exported, text(consumer.get("/shared/"))):
        assert "label-uploads" in said
        assert CANARY not in said
        assert GLOBEX not in said.replace(" ", "")


def test_hostile_words_and_addresses_never_break_a_page(consumer: Client, function: Function) -> None:
    factories.grant(function, ACME)
    for query in (
        "q=%00",
        f"q={'x' * 5000}",
        "q=arn:::::::::",
        "page=99999999999999999999",
        "account=%00",
        "show=%00",
        "format=%00",
    ):
        assert consumer.get(f"/shared/?{query}").status_code == 200
        assert whole(consumer.get(f"/shared/export/?{query}"))
    assert "&lt;script&gt;" in text(consumer.get("/shared/?q=<script>"))
    for address in ("/shared/not-a-uuid/", "/shared/grants/7/leave/", "/shared/accounts/x/leave/"):
        assert consumer.get(address).status_code == 404


def test_a_name_that_is_none_leaves_the_page_standing(consumer: Client, function: Function) -> None:
    Function.objects.update(arn='arn:aws:lambda:us-east-1:444455556666:function:"; rm -rf /')
    factories.grant(function, ACME)
    page = consumer.get(reverse("shared-function", args=[policy(function).pk]))
    assert page.status_code == 200
    assert "aws lambda" not in text(page)
    assert consumer.get(reverse("shared-pack", args=[policy(function).pk])).status_code == 404


def test_the_pages_cost_the_same_at_any_size(consumer: Client, acme: Account) -> None:
    owner = factories.account("Platform")

    def more(many: int) -> Policy:
        for _ in range(many):
            function = factories.function("", owner)
            kept(function, allow(ACME, "GetFunction"), allow(f"arn:aws:iam::{ACME}:role/x"))
            grant = factories.grant(function, ACME)
            factories.grant(function, ACME, state=GrantState.REVOKED)
            for _ in range(3):
                Check.objects.create(
                    policy=grant.policy, grant=grant, occasion="click", state="done", verdict="allowed", requested_as="x"
                )
        return grant.policy

    first = more(2)
    places = ("/shared/", "/shared/?q=function", "/shared/?show=ended", reverse("shared-function", args=[first.pk]))
    few = [queries(consumer, address) for address in places]
    more(20)
    assert [queries(consumer, address) for address in places] == few
    assert max(few) <= 15
