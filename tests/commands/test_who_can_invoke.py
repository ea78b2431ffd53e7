"""who-can-invoke now and in the past, as CSV, and as the gate of a pipeline."""

import pytest
from django.utils import timezone

from sharing.models import Grant, Policy
from tests import factories, policies
from tests.commands.running import run
from tests.policies import ACME
from tests.services.estate import Estate

pytestmark = pytest.mark.django_db


def test_who_can_invoke_answers_about_the_past_with_how_sure_it_is() -> None:
    platform = factories.account("Platform", "444455556666")
    for days in (20, 15, 10, 5):
        policies.swept(platform, policies.ago(days=days))
    made = policies.function("prices", platform, since=policies.ago(days=20))
    policies.read(made, policies.ago(days=20), policies.account("acme"))
    policies.read(made, policies.ago(days=10), policies.everyone("all"))
    known = run("who-can-invoke", made.arn, "--as-of", f"{policies.ago(days=17):%Y-%m-%dT%H:%M:%SZ}", "--json").items[0]
    assert (known["certainty"], known["public"], known["unread"]) == ("known", 0, [])
    assert [(way["principal"], way["sids"], way["certainty"]) for way in known["who"]] == [(ACME, ["acme"], "known")]
    assert known["as_of"] == policies.ago(days=17).isoformat()
    gap = run("who-can-invoke", "--as-of", f"{policies.ago(days=12):%Y-%m-%dT%H:%M:%SZ}", "--json").items[0]
    assert (gap["certainty"], gap["public"], len(gap["who"])) == ("changed", 1, 2)
    assert "Changed between two reads" in gap["unread"][0]["reason"]
    assert run("who-can-invoke", made.arn, "--json").items[0]["as_of"] is None
    assert "Changed between two reads" in run("who-can-invoke", "--as-of", f"{policies.ago(days=12):%Y-%m-%dT%H:%M:%SZ}").out
    for text, code in (("tomorrow", 2), ("2999-01-01", 2), ("1999-01-01", 1)):
        ran = run("who-can-invoke", "--as-of", text, "--json")
        assert (ran.code, bool(ran.error["next"])) == (code, True), text
    late = policies.function("late", platform, since=policies.ago(days=5))
    policies.read(late, policies.ago(days=5))
    gone = run("who-can-invoke", late.arn, "--as-of", f"{policies.ago(days=17):%Y-%m-%dT%H:%M:%SZ}", "--json")
    assert (gone.code, gone.error["code"]) == (1, "gone")


def test_who_can_invoke_fails_a_pipeline_on_what_is_open_depends_or_is_unread() -> None:
    platform = factories.account("Platform", "444455556666")
    factories.connection(platform)
    assert run("who-can-invoke", "--fail-on-open").code == 1, "no function is known: nothing was read"
    policies.swept(platform, policies.ago(hours=1))
    closed = policies.function("closed", platform, since=policies.ago(days=2), urls={})
    policies.read(closed, policies.ago(hours=1), policies.account("acme"))
    assert run("who-can-invoke", "--fail-on-open").code == 0
    for name, statement in (
        ("public", policies.everyone("all")),
        ("open", policies.service("topic", "sns")),
        ("depends", policies.everyone("all", Condition={"DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}})),
        ("bucket", {**policies.service("s", "s3"), "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}}}),
    ):
        made = policies.function(name, platform, since=policies.ago(days=2), urls={})
        policies.read(made, policies.ago(hours=1), statement)
        ran = run("who-can-invoke", made.arn, "--fail-on-open", "--json")
        assert (ran.code, ran.data["ok"], ran.error["code"], len(ran.items)) == (1, False, "open", 1), name
    unread = policies.function("unread", platform, since=policies.ago(days=2))
    Policy.objects.create(function=unread)
    assert "unread" in run("who-can-invoke", unread.arn, "--fail-on-open", "--json").error["message"]
    versions = policies.function("versions", platform, since=policies.ago(days=2), details_read_at=None)
    live = policies.read(versions, policies.ago(hours=1), policies.account("acme"), qualifier="live")
    policies.read(versions, policies.ago(hours=1))
    assert run("who-can-invoke", versions.arn, "--fail-on-open").code == 1, "its versions were never read"
    Policy.objects.filter(function=unread).delete()
    unread.delete()
    assert run("who-can-invoke", live.arn, "--fail-on-open", "--json").error is None
    assert run("who-can-invoke", "--fail-on-open").code == 1


def test_who_can_invoke_prints_csv_with_coverage_first() -> None:
    platform = factories.account("=1+1", "444455556666")
    made = policies.function("prices", platform, since=policies.ago(days=2))
    policies.read(made, policies.ago(hours=1), policies.everyone("all"))
    Policy.objects.create(function=made, qualifier="live")
    ran = run("who-can-invoke", "--csv")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith("Coverage: ")
    header = next(place for place, line in enumerate(lines) if line.startswith("function_arn,"))
    assert any("Not looked at" in line for line in lines[:header])
    assert [line.split(",")[6] for line in lines[header + 1 :]] == ["everyone", "unread"]
    assert not ran.out.startswith("\ufeff")
    assert run("who-can-invoke", "--csv", "--json").code == 2
    assert run("who-can-invoke", "--csv", "--fail-on-open").code == 1


def test_two_functions_at_once_are_wrong_usage() -> None:
    ran = run("who-can-invoke", "a", "b", "--json")
    assert ran.code == 2, ran.out
    assert ran.error["message"]
    assert not Grant.objects.exists()


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_function_is_not_every_function(estate: Estate, hello: Policy, text: str) -> None:
    estate.read(hello)
    ran = run("who-can-invoke", text, "--json")
    assert (ran.code, ran.items, ran.error["code"]) == (2, [], "usage")
    assert "none to ask about all" in ran.error["next"]


def test_who_can_invoke_says_that_a_function_or_alias_is_gone(estate: Estate, hello: Policy) -> None:
    estate.read(hello)
    alias = Policy.objects.create(function=hello.function, qualifier="old", vanished_at=timezone.now())
    for arn, name in ((alias.arn, "hello_world:old"), (hello.arn, "hello_world")):
        if arn == hello.arn:
            hello.function.vanished_at = timezone.now()
            hello.function.save(update_fields=["vanished_at"])
        ran = run("who-can-invoke", arn, "--json")
        assert (ran.code, ran.error["code"]) == (1, "gone")
        assert f"{name} any more" in ran.error["message"]
        assert ran.error["next"]


def test_who_can_invoke_never_says_nobody_without_what_was_not_looked_at(estate: Estate, hello: Policy) -> None:
    estate.read(hello)
    estate.read(estate.policy("currency-convert"))
    ran = run("who-can-invoke", "--json")
    assert ran.code == 0
    by_name = {item["name"]: item for item in ran.items}
    assert by_name["currency-convert"]["public"] == 1
    assert by_name["currency-convert"]["who"][0]["kind"] == "everyone"
    assert by_name["currency-convert"]["who"][0]["sids"] == ["PublicAccess"]
    assert by_name["hello_world"]["who"] == []
    assert by_name["hello_world"]["not_looked_at"]
    webhook = estate.policy("checkout-webhook")
    estate.read(webhook)
    both = {item["name"]: item for item in run("who-can-invoke", "--json").items}
    assert both["checkout-webhook"]["public"] == 2  # a function URL has two ways in; below it counts as one function
    assert f"Functions: {len(both)}, public: 2, open to a service of any account: 0." in run("who-can-invoke").out
    plain = run("who-can-invoke", hello.arn).out
    assert "nobody" in plain
    assert "Not looked at" in plain
    assert run("who-can-invoke", f"{hello.arn}x", "--json").code == 1
