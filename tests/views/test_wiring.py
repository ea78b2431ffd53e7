"""The wizard and the pages of wirings: what they say, what a click writes, and who may."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.models import Account, Event, Function, Grant, Role, Wiring, WiringStep
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

ACME = "111122223333"
OWNER = "444455556666"
BUCKET = "arn:aws:s3:::acme-uploads"
TOPIC = f"arn:aws:sns:us-east-1:{ACME}:orders"
QUEUE = f"arn:aws:sqs:us-east-1:{ACME}:orders"
STREAM = f"arn:aws:kinesis:us-east-1:{ACME}:stream/clicks"
LOGS = f"arn:aws:logs:us-east-1:{ACME}:log-group:/app"
HOSTILE = "<script>alert(1)</script>"
HTMX = {"HX-Request": "true"}
STEP_ACTS = ("wiring-step-done", "wiring-step-undone", "wiring-step-again", "wiring-step-ours")
SEEN_AND = ("permission", "owner", True, "seen")


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(factories.person(Role.OWNER))
    return client


@pytest.fixture
def function() -> Function:
    return factories.shareable()


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content.decode()[:2000]
    return str(response.content.decode())


def new(of: Function, **query: str) -> str:
    return reverse("wiring-new", query={"function": str(of.pk), **query})


def page_of(client: Client, one: Wiring, name: str = "wiring-detail") -> str:
    return text(client.get(reverse(name, args=[one.pk])))


def seen(page: str) -> str:
    return page.split('name="seen" value="', 1)[1].split('"', 1)[0]


def bucket(**given: Any) -> dict[str, Any]:
    return {"form_token": "a", "source": BUCKET, "source_account": ACME, "events": ["s3:ObjectCreated:*"], **given}


# Which function, which source


def test_without_a_function_one_is_chosen_and_the_source_comes_along(owner: Client, function: Function) -> None:
    factories.function("other", function.account)
    page = text(owner.get(reverse("wiring-new", query={"source": BUCKET, "q": "label"})))
    assert "label-uploads" in page
    assert f"?function={function.pk}&amp;source=arn%3Aaws%3As3%3A%3A%3Aacme-uploads" in page
    assert "other</span>" not in page
    assert "No function matches" in text(owner.get(reverse("wiring-new", query={"q": "nothing-like-it"})))


def test_a_source_is_pasted_or_its_kind_is_picked_with_an_example(owner: Client, function: Function) -> None:
    page = text(owner.get(new(function)))
    for words in ("arn:aws:s3:::their-bucket", "EventBridge rule", "Kinesis stream", "kind=sns", 'name="source"'):
        assert words in page
    assert 'name="events"' in text(owner.get(new(function, kind="s3")))
    assert 'name="filter_policy"' in text(owner.get(new(function, kind="sns")))


def test_only_what_a_kind_has_is_asked(owner: Client, function: Function) -> None:
    asked = {
        BUCKET: ("source_account", "events", "key_prefix"),
        TOPIC: ("filter_policy", "owner_subscribes"),
        QUEUE: ("batch_size", "maximum_concurrency", "execution_role"),
        STREAM: ("starting_position", "parallelization_factor", "execution_role"),
        f"arn:aws:events:us-east-1:{ACME}:rule/nightly": ("caller_role",),
        f"arn:aws:events:us-east-1:{OWNER}:rule/nightly": (),
        f"arn:aws:scheduler:us-east-1:{OWNER}:schedule/default/ours": ("caller_role",),
    }
    every = {name for names in asked.values() for name in names}
    for source, names in asked.items():
        page = text(owner.get(new(function, source=source)))
        assert {name for name in every if f'name="{name}"' in page} == set(names) | (
            {"batch_size"} if source == STREAM else set()
        )


@pytest.mark.parametrize("asked", ["?function=7", f"?function={uuid.UUID(int=7)}", "?function=x%00"])
def test_a_function_that_is_none_is_no_page(owner: Client, asked: str) -> None:
    assert owner.get(f"{reverse('wiring-new')}{asked}").status_code == 404


# The plan


def test_the_plan_is_drawn_and_told_with_both_sides(owner: Client, function: Function) -> None:
    factories.account("Acme Retail", ACME)
    page = text(owner.post(new(function, kind="s3"), bucket(step="preview")))
    for words in (
        "The plan", "Acme Retail", "1111 2222 3333", "4444 5555 6666", "fnshare does it", "People of Acme Retail",
        "lambda:AddPermission", "s3:PutBucketNotificationConfiguration", "s3:PutBucketNotification", "Seen when", "Undone by",
        "beside whatever it sends already", "Wire it",
    ):  # fmt: skip
        assert words in page, words
    assert not Wiring.objects.exists()


def test_a_source_that_says_everything_has_its_plan_at_once(owner: Client, function: Function) -> None:
    assert "The plan" in text(owner.get(new(function, source=TOPIC)))
    assert "The plan" not in text(owner.get(new(function, source=BUCKET)))
    assert "The plan" in text(owner.get(new(function, source=BUCKET, account=ACME)))
    assert "The plan" not in text(owner.get(new(function, source=STREAM)))


def test_what_nobody_verified_is_told_as_such(owner: Client, function: Function) -> None:
    rule = f"arn:aws:iot:us-east-1:{ACME}:rule/their_rule"
    assert "Not verified." in text(owner.get(new(function, source=rule)))
    assert "Not verified." not in text(owner.get(new(function, source=TOPIC)))


def test_an_account_may_be_named_as_people_call_it(owner: Client, function: Function) -> None:
    factories.account("Acme Retail", ACME)
    for words in ("acme retail", "1111 2222 3333", "1111-2222-3333"):
        assert "The plan" in text(owner.post(new(function), bucket(source_account=words, step="preview")))
    page = text(owner.get(new(function, kind="s3")))
    assert f'<option value="{ACME}">Acme Retail' in page


def test_a_refusal_explains_and_its_ways_round_are_links(owner: Client, function: Function) -> None:
    page = text(owner.get(new(function, source=LOGS)))
    assert "cannot drive a function of account" in page
    assert "Wire it" not in page
    assert f"?function={function.pk}&amp;kind=kinesis" in page
    assert f"{reverse('function-share', args=[function.pk])}?who={ACME}" in page


def test_what_is_confirmed_is_what_was_shown_and_twice_is_one_row(owner: Client, function: Function) -> None:
    given = bucket(key_prefix="in/", reason="Photos")
    page = text(owner.post(new(function), {**given, "step": "preview"}))
    stale = owner.post(new(function), {**given, "key_prefix": "out/", "step": "confirm", "seen": seen(page)})
    assert "not up to date" in text(stale, 422)
    answers = [owner.post(new(function), {**given, "step": "confirm", "seen": seen(page)}) for _ in range(2)]
    one = Wiring.objects.get()
    assert {answer.headers["Location"] for answer in answers} == {reverse("wiring-detail", args=[one.pk])}
    assert (one.source_account, one.options["prefix"], one.reason) == (ACME, "in/", "Photos")
    assert [(step.key, step.ours) for step in one.steps.all()] == [("permission", True), ("notification", False)]
    for again in (
        owner.post(new(function), {**given, "form_token": "b", "step": "preview"}),
        owner.get(new(function, source=BUCKET, account=ACME)),
    ):
        assert "wired to this function already" in again.content.decode()
        assert reverse("wiring-detail", args=[one.pk]) in again.content.decode()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"source": ""}, "required"),
        ({"source": "\x00"}, "Null characters"),
        ({"source": "x" * 2000}, "1024"),
        ({"source": "hello"}, "is not an ARN"),
        ({"source_account": ""}, "does not say whose it is"),
        ({"source_account": "12"}, "12 digits"),
        ({"source_account": "\x00"}, "Null characters"),
        ({"source_region": "the moon"}, "no name of a region"),
        ({"source_region": "eu-west-1"}, "both must be in one region"),
        ({"source_region": "eusc-de-east-1"}, "both must be in one region"),
        ({"events": ["s3:Everything"]}, "Choose among"),
        ({"key_prefix": "x" * 1025}, "1024"),
        ({"form_token": "x" * 65}, "64"),
        ({"qualifier": "nobody"}, "Choose one of the list"),
        ({"source": STREAM}, "needs a starting position"),
        ({"source": QUEUE, "batch_size": "9" * 400}, "10000000"),
        ({"source": QUEUE, "execution_role": HOSTILE}, "no ARN of a role"),
        ({"source": TOPIC, "filter_policy": "["}, "JSON object"),
        ({"source": f"arn:aws:events:us-east-1:{ACME}:rule/a", "caller_role": HOSTILE}, "no ARN of a role"),
        ({"source": "amzn1.ask.skill.1"}, "secret"),
    ],
)
def test_what_cannot_be_is_answered_with_the_form(owner: Client, function: Function, given: dict[str, Any], words: str) -> None:
    response = owner.post(new(function), bucket(step="confirm", **given))
    assert words in text(response, 422)
    assert HOSTILE not in text(response, 422)
    assert not Wiring.objects.exists()


# One wiring


def test_a_wiring_says_how_far_each_side_is_and_what_to_hand_over(owner: Client, function: Function) -> None:
    factories.account("Acme Retail", ACME)
    one = factories.wiring(function)
    page = page_of(owner, one)
    for words in ("Waits for the other side", "Seen in place", "Handed over, not seen yet", "Mark as done", "To hand over"):
        assert words in page, words
    pack = owner.get(reverse("wiring-pack", args=[one.pk]))
    assert 'attachment; filename="' in pack["Content-Disposition"]
    assert "acme-uploads" in text(pack)
    for name in ("wire.sh", "nothing.txt", "x\x00", "../x"):
        assert owner.get(reverse("wiring-pack", args=[one.pk]), {"file": name}).status_code == (
            200 if name == "wire.sh" else 404
        )


@pytest.mark.parametrize(
    ("state", "ours", "shown"),
    [
        ("failed", True, {"wiring-step-again", "wiring-step-done"}),
        ("asked", False, {"wiring-step-done"}),
        ("said", False, {"wiring-step-undone"}),
        ("said", True, {"wiring-step-undone"}),
        ("queued", True, set()),
        ("blocked", False, set()),
        ("seen", False, set()),
    ],
)
def test_each_state_has_its_buttons(owner: Client, function: Function, state: str, ours: bool, shown: set[str]) -> None:
    one = factories.wiring(function, steps=(SEEN_AND, ("notification", "source", ours, state)))
    step = one.steps.get(key="notification")
    page = page_of(owner, one)
    assert {name for name in STEP_ACTS if reverse(name, args=[step.pk]) in page} == shown


def test_a_source_role_that_came_meanwhile_may_take_over(owner: Client, function: Function) -> None:
    one = factories.wiring(function)
    step = one.steps.get(key="notification")
    address = reverse("wiring-step-ours", args=[step.pk])
    assert address not in page_of(owner, one)
    factories.connection(factories.account("Acme Retail", ACME), "source", limited_to=[BUCKET])
    assert address in page_of(owner, one)
    assert owner.post(address).status_code == 302
    step.refresh_from_db()
    assert (step.ours, step.state) == (True, "queued")


def test_a_persons_word_is_noted_and_taken_back(owner: Client, function: Function) -> None:
    step = factories.wiring(function).steps.get(key="notification")
    for name, state in (("wiring-step-done", "said"), ("wiring-step-undone", "asked")):
        assert owner.post(reverse(name, args=[step.pk])).status_code == 302
        step.refresh_from_db()
        assert step.state == state
    assert owner.post(reverse("wiring-step-again", args=[step.pk])).status_code in (302, 409)


def test_a_failed_step_shows_both_versions_of_a_foreign_change(owner: Client, function: Function) -> None:
    one = factories.wiring(function, state="failed", steps=(SEEN_AND, ("notification", "source", True, "failed")))
    one.steps.filter(key="notification").update(
        failure="Somebody changed it.",
        failure_next="Look at both.",
        failure_code="foreign-change",
        before={"QueueConfigurations": [{"Id": "old"}]},
        after={"QueueConfigurations": [{"Id": HOSTILE}]},
    )
    page = page_of(owner, one)
    assert "<del>-" in page
    assert "<ins>+" in page
    assert HOSTILE not in page


def test_a_page_polls_while_something_may_happen_and_is_answered_only_when_it_did(owner: Client, function: Function) -> None:
    one = factories.wiring(function)
    address = reverse("wiring-steps", args=[one.pk])
    mark = page_of(owner, one).split("?seen=", 1)[1].split('"', 1)[0]
    assert owner.get(address, {"seen": mark}, headers=HTMX).status_code == 204
    WiringStep.objects.filter(key="notification").update(state="seen", seen_at=timezone.now())
    Wiring.objects.update(state="in-place")
    fragment = text(owner.get(address, {"seen": mark}, headers=HTMX))
    assert "<html" not in fragment
    assert "every " not in fragment
    assert owner.get(address).status_code == 302


def test_a_plan_that_is_not_known_any_more_leaves_the_page_standing(owner: Client, function: Function) -> None:
    one = factories.wiring(function, LOGS, kind="logs")
    assert "rules that have changed since" in page_of(owner, one)
    assert owner.get(reverse("wiring-pack", args=[one.pk])).status_code == 404


def test_hostile_words_stay_words(owner: Client, function: Function) -> None:
    one = factories.wiring(function, f"{BUCKET}{HOSTILE}", reason=HOSTILE, requested_as=HOSTILE, options={"prefix": HOSTILE})
    one.steps.update(evidence=HOSTILE, failure=HOSTILE, failure_next=HOSTILE)
    for page in (page_of(owner, one), text(owner.get("/mappings/")), page_of(owner, one, "wiring-abandon")):
        assert HOSTILE not in page


# Taking back, testing


def test_taking_back_lists_what_is_undone_and_what_stays_and_is_one_row(owner: Client, function: Function) -> None:
    one = factories.wiring(function)
    one.steps.filter(key="permission").update(made=True)
    page = page_of(owner, one, "wiring-abandon")
    assert page.index("Take the statement back") < page.index("Others have to undo") < page.index("out of the bucket")
    for _ in range(2):
        assert owner.post(reverse("wiring-abandon", args=[one.pk]), {"reason": "Not wanted"}).status_code == 302
    one.refresh_from_db()
    assert (one.undone_reason, one.state) == ("Not wanted", "undoing")
    assert Event.objects.filter(verb="wiring.abandoned").count() == 1
    assert owner.post(reverse("wiring-abandon", args=[one.pk]), {"reason": "x" * 501}).status_code == 422
    assert "Wire it again" not in page_of(owner, one)
    one.steps.update(state="undone")
    Wiring.objects.update(state="undone")
    assert "Wire it again" in page_of(owner, one)


def test_a_test_event_is_asked_first_and_refused_with_the_reason(owner: Client, function: Function) -> None:
    one = factories.wiring(function, state="in-place", steps=(SEEN_AND, ("notification", "source", False, "seen")))
    address = reverse("wiring-test", args=[one.pk])
    assert "runs the function for real" in text(owner.get(address))
    assert "there is none" in text(owner.post(address), 422)
    factories.connection(factories.account("Acme Retail", ACME), "source", limited_to=[BUCKET])
    assert address in page_of(owner, one)
    assert owner.post(address).status_code == 302
    assert "Waits for a worker" in page_of(owner, one)


# Lists


def test_wirings_under_way_stand_above_the_mappings_and_all_have_a_list(owner: Client, function: Function) -> None:
    factories.wiring(function)
    factories.wiring(function, TOPIC, kind="sns", state="in-place", steps=(SEEN_AND,))
    page = text(owner.get("/mappings/")).split("Wirings under way", 1)[1].split("</section>", 1)[0]
    assert "acme-uploads" in page
    assert "orders" not in page
    every = text(owner.get("/mappings/?wirings=all"))
    assert "acme-uploads" in every
    assert "orders" in every
    for query, there in {
        "show=placed": False, "show=waiting": True, "kind=s3": True, "kind=sns": False, f"account={ACME}": True,
        "account=999999999999": False, "q=uploads+label": True, "q=nothing": False, "show=%00&kind=%00&q=%00": True,
        f"account=1111+2222+3333&page={'9' * 30}": True,
    }.items():  # fmt: skip
        assert ("acme-uploads" in text(owner.get(f"/mappings/?wirings=all&{query}"))) is there, query


def test_empty_lists_say_what_to_do(owner: Client, client: Client) -> None:
    assert "Nothing was wired here yet" in text(owner.get("/mappings/?wirings=all"))
    assert reverse("wiring-new") in text(owner.get("/mappings/"))
    assert "No function to wire yet" in text(owner.get(reverse("wiring-new")))
    client.force_login(factories.person(Role.AUDITOR))
    assert reverse("wiring-new") not in text(client.get("/mappings/?wirings=all"))


def test_the_pages_cost_the_same_at_any_size(owner: Client, function: Function) -> None:
    one = factories.wiring(function, f"{BUCKET}-0")
    places = ("/mappings/", "/mappings/?wirings=all", reverse("wiring-detail", args=[one.pk]), new(function, source=TOPIC))
    few = [queries(owner, address) for address in places]
    for number in range(1, 20):
        factories.wiring(factories.function("", function.account), f"{BUCKET}-{number}", of=factories.account().number)
    assert [queries(owner, address) for address in places] == few
    assert few[0] <= 45, "the list reads the rows of its page, and of functions whose sums are not kept"
    assert max(few[1:]) <= 25


# Rights


def test_an_auditor_sees_it_all_without_a_button_and_what_is_out_of_scope_does_not_exist(
    client: Client, function: Function
) -> None:
    one = factories.wiring(function, state="failed", steps=(SEEN_AND, ("notification", "source", True, "failed")))
    step = one.steps.get(key="notification")
    mine = {name: reverse(name, args=[one.pk]) for name in ("wiring-abandon", "wiring-test")}
    mine |= {name: reverse(name, args=[step.pk]) for name in STEP_ACTS}
    client.force_login(factories.person(Role.AUDITOR))
    page = page_of(client, one)
    assert "Failed" in page
    for address in mine.values():
        assert address not in page
        assert client.post(address).status_code == 403
    client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
    shown = [reverse(name, args=[one.pk]) for name in ("wiring-detail", "wiring-steps", "wiring-pack")]
    for address in (*shown, mine["wiring-abandon"], mine["wiring-test"], new(function)):
        assert client.get(address).status_code == 404
    for address in (*mine.values(), new(function)):
        assert client.post(address, bucket()).status_code == 404
    assert "acme-uploads" not in text(client.get("/mappings/?wirings=all"))
    step.refresh_from_db()
    assert step.state == "failed"


# Doors that lead here


def test_other_pages_lead_to_the_wizard(owner: Client, function: Function) -> None:
    factories.account("Acme Retail", ACME)
    factories.grant(function, ACME)
    assert reverse("wiring-new") in text(owner.get(reverse("function-wakes", args=[function.pk])))
    consumer = reverse("consumer-detail", args=[ACME])
    assert "wired" not in text(owner.get(consumer))
    factories.wiring(function)
    assert "1 source wired" in text(owner.get(consumer))
    given = {"form_token": "a", "who": "s3.amazonaws.com", "action": "lambda:InvokeFunction", "until": "90d"}
    given |= {"source_arn": BUCKET, "source_account": ACME}
    page = text(owner.post(reverse("function-share-preview", args=[function.pk]), given))
    assert f"{reverse('wiring-new')}?function={function.pk}&amp;kind=s3&amp;source=" in page
    assert f"&amp;account={ACME}" in page


def test_accounts_out_of_scope_are_not_offered(client: Client, function: Function) -> None:
    factories.account("Somebody Else", ACME)
    client.force_login(factories.person(Role.OWNER, accounts=[Account.objects.get(number=OWNER)]))
    assert "Somebody Else" not in text(client.get(new(function, kind="s3")))
    assert not Grant.objects.exists()
