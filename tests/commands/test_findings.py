"""`manage.py findings`: coverage first, stable ids, and an exit status for CI."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sharing.models import Finding
from tests import factories
from tests.commands.running import run as shell
from tests.policy.documents import service
from tests.services.test_findings import statement, stored

pytestmark = pytest.mark.django_db


def test_coverage_is_the_first_line_and_ids_are_stable() -> None:
    on = factories.function("invoice")
    stored(on, statement(on, service(), "wide"))
    lines = shell("findings").out.splitlines()
    assert lines[0].startswith("Coverage: ")
    first = shell("findings", "--json").items
    Finding.objects.all().delete()
    again = shell("findings", "--refresh", "--rule", "open-service", "--json")
    assert [item["id"] for item in again.items] == [item["id"] for item in first]
    assert again.data["coverage"][0].startswith("Coverage: ")
    item = again.items[0]
    assert (item["rule"], item["severity"], item["status"], item["sid"]) == ("open-service", "high", "open", "wide")
    assert item["who"] == [{"kind": "service", "principal": "s3.amazonaws.com", "account": ""}]
    assert item["function_arn"] == on.arn


@pytest.mark.parametrize(("word", "code"), [("critical", 0), ("high", 1), ("low", 1)])
def test_the_exit_status_follows_the_threshold(word: str, code: int) -> None:
    factories.finding()
    assert shell("findings", "--fail-on", word).code == code


def test_what_depends_counts_and_what_is_accepted_or_closed_does_not() -> None:
    now = timezone.now()
    one = factories.finding(certain=False)
    assert shell("findings", "--fail-on", "high").code == 1
    borne = {"accepted_until": now + timedelta(days=1), "accepted_at": now, "accepted_reason": "x"}
    Finding.objects.filter(pk=one.pk).update(**borne)
    assert shell("findings", "--fail-on", "high", "--status", "all").code == 0
    assert shell("findings", "--json").items == []
    assert shell("findings", "--status", "accepted", "--json").items[0]["status"] == "accepted"


def test_it_is_narrowed_by_account_rule_severity_and_time() -> None:
    on = factories.function()
    old = factories.finding(on, rule="ghost", severity=2, opened_at=timezone.now() - timedelta(days=9))
    new = factories.finding()
    assert [item["id"] for item in shell("findings", "--account", on.account.number, "--json").items] == [str(old.pk)]
    assert [item["id"] for item in shell("findings", "--rule", "ghost", "--json").items] == [str(old.pk)]
    assert [item["id"] for item in shell("findings", "--severity", "high", "--json").items] == [str(new.pk)]
    for within in (("--since=-7d",), ("--since", "7d"), ("--since", "168h")):
        assert [item["id"] for item in shell("findings", *within, "--json").items] == [str(new.pk)]
    day = (timezone.now() - timedelta(days=3)).date().isoformat()
    assert [item["id"] for item in shell("findings", "--since", day, "--json").items] == [str(new.pk)]


def test_it_keeps_to_the_scope_of_whom_it_is_for() -> None:
    mine, other = factories.finding(), factories.finding()
    assert mine.account is not None
    assert other.account is not None
    narrow = factories.person("auditor", accounts=[mine.account])
    assert [item["id"] for item in shell("findings", "--by", narrow.email, "--json").items] == [str(mine.pk)]
    refused = shell("findings", "--by", narrow.email, "--account", other.account.number, "--json")
    assert (refused.code, refused.error["code"]) == (1, "not-found")


@pytest.mark.parametrize(
    "wrong", [("--rule", "nonsense"), ("--fail-on", "worst"), ("--since", "yesterday"), ("--since=-x",), ("--since", "+7d9")]
)
def test_what_is_mistyped_is_a_usage_error(wrong: tuple[str, ...]) -> None:
    assert shell("findings", *wrong, "--json").code == 2
