"""Answers about access: by function and by whom, in sentences, with what was not looked at."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sharing.models import Account, Actor, Function, Policy, Qualifier, Role
from sharing.services import access, gaps, trusting
from sharing.services.access.lines import HEAD
from sharing.services.syncing import mark_unread
from tests import factories, policies
from tests.policies import ACME, ago, read, swept

pytestmark = pytest.mark.django_db
BY = Actor.system()


@pytest.fixture
def platform() -> Account:
    made = factories.account("Platform", "444455556666")
    factories.connection(made)
    swept(made, ago(days=10))
    swept(made, ago(hours=1))
    return made


@pytest.fixture
def labels(platform: Account) -> Function:
    factories.account("Acme", ACME)
    made = policies.function("label-uploads", platform, since=ago(days=10), urls={"": "NONE"})
    read(
        made,
        ago(days=10),
        policies.account("acme"),
        policies.service("bucket", "s3", SourceAccount=ACME),
        policies.everyone(
            "url", Action="lambda:InvokeFunctionUrl", Condition={"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
        ),
        policies.everyone("url-too", Condition={"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
        policies.account("pipeline", "222233334444", Action="lambda:UpdateFunctionCode"),
    )
    return made


def keys(answer: access.Answer) -> dict[str, int]:
    return {group.key: group.count for group in answer.groups}


def test_a_function_says_who_in_one_sentence_and_by_which_statement(labels: Function) -> None:
    answer = access.ask("label-uploads", by=BY)
    assert answer.sentences[0] == (
        "label-uploads can be invoked by Acme and Amazon S3 for Acme and by the whole internet through its URL."
    )
    assert "It has 1 function URL: on the function itself of type NONE." in answer.sentences
    assert keys(answer) == {"everyone": 2, "service": 1, "own": 1, "rights": 1}
    cited = {line.who: [one.name for one in line.statements] for _, line in answer.every_line()}
    assert cited["Acme"] == ["acme"]
    assert cited["account 222233334444"] == ["pipeline"]
    assert answer.counts["public"] == 2
    assert not answer.safe


def test_an_account_says_what_it_can_invoke_by_which_way(labels: Function, platform: Account) -> None:
    prices = policies.function("prices", platform, since=ago(days=10))
    read(prices, ago(days=10), policies.organization("org", "o-a1b2c3d4e5"), policies.service("topic", "sns"))
    answer = access.ask("Acme", by=BY)
    assert keys(answer) == {"everyone": 2, "open": 1, "organization": 1, "own": 1, "service": 1}
    said = answer.sentences[0]
    assert said.startswith("Acme can invoke 1 function by statements that name it or its roles (label-uploads); ")
    assert "1 function as everyone can, 1 of them through a function URL" in said
    assert "perhaps 1 function as a member of an organisation" in said
    assert answer.counts == {"public": 2, "opened": 1, "unsure": 1, "unread": 0, "changed": 0}
    assert [line.function_name for line in access.ask("Acme", by=BY, how="open").groups[0].lines] == ["prices"]


def test_a_role_is_let_in_by_name_and_perhaps_through_its_account(labels: Function, platform: Account) -> None:
    role = f"arn:aws:iam::{ACME}:role/team/deploy"
    prices = policies.function("prices", platform, since=ago(days=10))
    read(prices, ago(days=10), {"Sid": "role", "Principal": {"AWS": role}})
    for text in (role, "deploy", "role/deploy", f"arn:aws:sts::{ACME}:assumed-role/deploy/me"):
        answer = access.ask(text, by=BY)
        assert keys(answer)["own"] == 1, text
        assert keys(answer)["account"] == 1, text
    assert "if its own account's policies allow it" in answer.sentences[0]


def test_a_role_has_sessions_and_may_match_patterns_of_its_account_and_of_no_other(platform: Account) -> None:
    def by_arn(sid: str, pattern: str) -> dict[str, object]:
        return policies.everyone(sid, Condition={"ArnLike": {"aws:PrincipalArn": pattern}})

    made = policies.function("prices", platform, since=ago(days=10))
    read(
        made,
        ago(days=10),
        {"Sid": "session", "Principal": {"AWS": f"arn:aws:sts::{ACME}:assumed-role/deploy/nightly"}},
        by_arn("ours", f"arn:aws:iam::{ACME}:role/*"),
        by_arn("theirs", "arn:aws:iam::222233334444:role/*"),
    )
    found = access.ask(f"arn:aws:iam::{ACME}:role/deploy", by=BY)
    cited = {group.key: [one.name for line in group.lines for one in line.statements] for group in found.groups}
    assert cited == {"own": ["session"], "pattern": ["ours"]}
    assert "perhaps 1 function by a pattern" in found.sentences[0]


def test_an_organisation_a_service_and_everyone(labels: Function, platform: Account) -> None:
    prices = policies.function("prices", platform, since=ago(days=10))
    read(prices, ago(days=10), policies.organization("org", "o-a1b2c3d4e5"), policies.service("topic", "sns"))
    assert keys(access.ask("o-a1b2c3d4e5", by=BY)) == {"everyone": 2, "open": 1, "own": 1}
    assert keys(access.ask("S3", by=BY)) == {"everyone": 2, "own": 1}
    assert keys(access.ask("what can everyone invoke?", by=BY)) == {"everyone": 2, "open": 1}


def test_the_functions_that_are_named_are_those_that_are_counted(labels: Function, platform: Account) -> None:
    legacy = policies.function("legacy", platform, since=ago(days=10))
    read(legacy, ago(days=10), policies.everyone("guide", Action="lambda:Invoke"))
    said = access.ask("everyone", by=BY).sentences[0]
    assert "1 function as everyone can (label-uploads), 1 of them through a function URL (and 1 way more on paper" in said


@pytest.mark.parametrize("text", ["555566667777", "o-zzzzzzzzzz", "events", "prices"])
def test_nobody_is_never_said_without_what_was_not_looked_at(platform: Account, text: str) -> None:
    read(policies.function("prices", platform, since=ago(days=10)), ago(days=10))
    answer = access.ask(text, by=BY)
    assert not answer.groups
    said = " ".join(answer.not_looked_at)
    assert "event source mappings" in said
    assert "Who may write to a source" in said
    assert "Identity policies and role trusts" in said
    assert "were read" in answer.sentences[0] or "that was read" in answer.sentences[0]
    assert answer.coverage[0].startswith("Coverage: 1 of 1 region completely read")


def test_unread_is_not_nobody(platform: Account) -> None:
    prices = policies.function("prices", platform, since=ago(days=10))
    Policy.objects.create(function=prices)
    answer = access.ask("prices", by=BY)
    assert answer.sentences[0] == "Whether anybody can invoke prices is not known: see what is unread."
    assert answer.counts["unread"] == 1
    assert answer.gaps[0] == "1 policy unread"
    assert access.ask("everyone", by=BY).counts["unread"] == 1


def test_what_was_readable_once_stays_in_the_answer_marked_stale(labels: Function) -> None:
    mark_unread(labels.policies.get(), "AWS denied lambda:GetPolicy.", ago(minutes=5))
    answer = access.ask("label-uploads", by=BY)
    line = next(line for group, line in answer.every_line() if group.key == "own")
    assert "AWS denied lambda:GetPolicy." in line.stale
    assert not line.safe
    assert answer.counts["unread"] == 1
    assert next(line for group, line in access.ask(ACME, by=BY).every_line() if group.key == "own").stale


def test_a_deny_is_said_for_the_function_and_for_whom_it_shuts_out(platform: Account) -> None:
    factories.account("Acme", ACME)
    read(
        policies.function("prices", platform, since=ago(days=10)), ago(days=10), policies.account("acme"), policies.deny("stop")
    )
    answer = access.ask("prices", by=BY)
    assert keys(answer) == {"deny": 1}
    assert answer.sentences[0].startswith("Nobody outside its account was found")
    assert "A Deny shuts out Acme." in answer.sentences
    asked = access.ask("Acme", by=BY)
    assert keys(asked) == {"deny": 1}
    assert [one.name for one in asked.groups[0].lines[0].statements] == ["stop", "acme"]


def test_trust_colours_and_hides_nothing(labels: Function) -> None:
    trusting.add(ACME, by=Actor.of(factories.person()))
    answer = access.ask("label-uploads", by=BY)
    zones = {line.who: line.zone for _, line in answer.every_line()}
    assert zones["Acme"] == "trusted"
    assert zones["account 222233334444"] == "outside"
    assert answer.trust.words == f"Trusted: {ACME}"
    assert next(line for group, line in access.ask(ACME, by=BY).every_line() if group.key == "own").zone == "trusted"


def test_one_alias_is_asked_by_its_name_or_arn(labels: Function) -> None:
    Qualifier.objects.create(function=labels, kind="alias", name="live", points_to="1")
    read(labels, ago(days=9), policies.account("partner", "222233334444"), qualifier="live")
    for text in ("label-uploads:live", f"{labels.arn}:live"):
        answer = access.ask(text, by=BY)
        assert answer.subject.label == "label-uploads:live"
        assert [line.account for _, line in answer.every_line()] == ["222233334444"]
    assert keys(access.ask("label-uploads", by=BY))["own"] == 2


def test_what_is_unclear_comes_with_suggestions(labels: Function, platform: Account) -> None:
    policies.function("label-uploads", platform, since=ago(days=1), region="eu-west-1")
    with pytest.raises(access.Unclear) as twice:
        access.ask("label-uploads", by=BY)
    assert {one.detail for one in twice.value.suggestions} == {
        "function in Platform, us-east-1",
        "function in Platform, eu-west-1",
    }
    for text, close in (("lable-uploads", "label-uploads"), ("Plat", "Platform"), ("label", "label-uploads")):
        with pytest.raises(access.Unclear) as unknown:
            access.ask(text, by=BY)
        assert close in [one.label for one in unknown.value.suggestions], text
    factories.account("s3", "555566667777")
    with pytest.raises(access.Unclear) as both:
        access.ask("s3", by=BY)
    assert "both an account" in both.value.next


@pytest.mark.parametrize("text", ["", "\x00", "?" * 900, "1234", "arn:aws:lambda:x", "<script>", "arn:aws:iam::1:role/x", "%"])
def test_nonsense_is_refused_with_a_next_step(platform: Account, text: str) -> None:
    with pytest.raises(access.Unclear) as refused:
        access.ask(text, by=BY)
    assert refused.value.next


def test_a_version_that_was_never_read_is_not_nobody_and_a_question_writes_nothing(labels: Function) -> None:
    with pytest.raises(access.Unclear, match="never read"):
        access.ask(f"{labels.arn}:7", by=BY)
    assert labels.policies.count() == 1


def test_out_of_scope_is_neither_told_nor_counted(labels: Function) -> None:
    person = Actor.of(factories.person(Role.AUDITOR, accounts=[factories.account()]))
    with pytest.raises(access.Unclear) as refused:
        access.ask(labels.arn, by=person)
    assert not refused.value.suggestions
    with pytest.raises(access.Unclear) as again:
        access.ask("label-uploads", by=person)
    assert not again.value.suggestions
    answer = access.ask("everyone", by=person)
    assert not answer.groups
    assert not any(answer.counts.values())
    mine = Actor.of(factories.person(Role.AUDITOR, accounts=[labels.account]))
    assert keys(access.ask("everyone", by=mine))["everyone"] == 2


def test_the_first_line_of_coverage_says_it_in_one_and_each_gap_has_its_own(platform: Account) -> None:
    assert gaps.summary(BY)[0].startswith("Coverage: 1 of 1 region completely read; last at ")
    other = factories.account("Other")
    factories.connection(other, regions=["eu-west-1"], enabled_regions=["eu-west-1", "eu-west-2"])
    said = gaps.summary(BY)
    assert said[0].startswith("Coverage: 1 of 3 regions completely read; ")
    assert "not completely read: Other eu-west-1 (never), Other eu-west-2 (not-read)." in said[0]
    assert len(said) == 3
    assert gaps.summary(BY, within={(platform.pk, "us-east-1")})[0].startswith("Coverage: 1 of 1 region completely read")
    assert gaps.summary(BY, within=()) == ("Coverage: what this is about is in no region that is read.",)


def test_the_number_of_queries_does_not_grow(labels: Function, platform: Account) -> None:
    def cost(text: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            for group in access.ask(text, by=BY).groups:
                list(group.lines[:HEAD])
        return len(queries)

    texts = (labels.arn, ACME, "everyone", "s3")
    before = [cost(text) for text in texts]
    for number in range(30):
        made = policies.function(f"more-{number}", platform, since=ago(days=5))
        read(
            made,
            ago(days=5),
            policies.account("acme"),
            policies.everyone("all"),
            policies.service("b", "s3", SourceAccount=ACME),
        )
    assert [cost(text) for text in texts] == before
    assert max(before) <= 32
