"""What can wake a function, joined to what lets it in: the rows, their problems, what a revoke takes away."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.aws.mapped import ListedMapping
from sharing.models import Actor, Finding, Function, Grant, GrantState, Mapping, Policy, Qualifier, QualifierKind, Reading, Role
from sharing.policy import FunctionArn
from sharing.services import granting, waking
from sharing.services.access import ask, who_can_invoke
from sharing.services.findings import refreshing
from sharing.services.syncing.keeping import keep_mappings
from sharing.services.waking import Asked, Problem, Waker, Way
from tests import factories
from tests.services.kept import ACME, GLOBEX, allow, kept, owner

pytestmark = pytest.mark.django_db

BUCKET = "arn:aws:s3:::uploads"
TOPIC = f"arn:aws:sns:us-east-1:{ACME}:orders"
QUEUE = f"arn:aws:sqs:us-east-1:{ACME}:jobs"


@pytest.fixture
def function() -> Function:
    factories.account("Acme Retail", ACME)
    now = timezone.now()
    return factories.function("f", owner(), urls={}, details_read_at=now, mappings_read_at=now)


def service(name: str, arn: str | list[str] = "", account: str = "") -> dict[str, Any]:
    conditions: dict[str, Any] = {"ArnLike": {"AWS:SourceArn": arn}} if arn else {}
    if account:
        conditions["StringEquals"] = {"AWS:SourceAccount": account}
    return allow(f"{name}.amazonaws.com", **conditions)


def url(principal: str = "*", auth: str = "NONE") -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        allow(principal, "InvokeFunctionUrl", StringEquals={"lambda:FunctionUrlAuthType": auth}),
        allow(principal, Bool={"lambda:InvokedViaFunctionUrl": "true"}),
    )


def mapping(on: Function, arn: str = QUEUE, qualifier: str = "", **fields: Any) -> Mapping:
    fields.setdefault("state", "Enabled")
    account = arn.split(":")[4] if arn else ""
    return Mapping.objects.create(function=on, source_arn=arn, source_account=account, qualifier=qualifier, **fields)


def rows(on: Function) -> list[Waker]:
    return waking.of_function(on, by=Actor.system())


def problems(row: Waker) -> list[str]:
    return [one.problem.value for one in row.troubles]


@pytest.mark.parametrize(
    ("statement", "kind", "sources", "whose", "expected"),
    [
        (service("s3", BUCKET, ACME), "s3", (BUCKET,), ACME, []),
        (service("sns", TOPIC), "sns", (TOPIC,), ACME, []),
        (service("events", f"arn:aws:events:us-east-1:{ACME}:rule/nightly"), "eventbridge", None, ACME, []),
        (service("lambda.alarms.cloudwatch", f"arn:aws:cloudwatch:us-east-1:{ACME}:alarm:a, b"), "alarm", None, ACME, []),
        (service("apigateway", f"arn:aws:execute-api:us-east-1:{ACME}:a1b2c3/*/GET/x"), "apigateway", None, ACME, []),
        (service("s3"), "s3", (), "", ["open"]),
        (service("s3", BUCKET), "s3", (BUCKET,), "", ["open"]),
        (service("logs", f"arn:aws:logs:us-east-1:{ACME}:log-group:g:*"), "logs", None, ACME, ["orphan-grant"]),
        (service("sqs", QUEUE), "sqs", (QUEUE,), ACME, ["orphan-grant"]),
        (service("kinesis", account=ACME), "kinesis", (), ACME, ["orphan-grant"]),
        (service("scheduler", account=ACME), "scheduler", (), ACME, ["orphan-grant"]),
        (service("quantum", account=ACME), "other", (), ACME, []),
    ],
)
def test_a_statement_for_a_service_is_a_row_and_says_what_is_wrong_with_it(
    function: Function, statement: dict[str, Any], kind: str, sources: tuple[str, ...] | None, whose: str, expected: list[str]
) -> None:
    kept(function, statement)
    (row,) = rows(function)
    assert (row.way, row.kind, row.whose) == (Way.PUSH, kind, whose)
    assert sources is None or row.sources == sources
    assert row.whose_name == ("Acme Retail" if whose else "")
    assert problems(row) == expected


def test_an_account_gets_only_its_own_sources_of_a_statement_with_several(function: Function) -> None:
    other = f"arn:aws:sns:us-east-1:{GLOBEX}:bills"
    kept(function, service("sns", [TOPIC, other]))
    assert {row.whose: row.sources for row in rows(function)} == {ACME: (TOPIC,), GLOBEX: (other,)}


def test_no_row_of_a_push_source_says_that_anything_is_sent(function: Function) -> None:
    kept(function, service("s3", BUCKET, ACME))
    (row,) = rows(function)
    assert row.state == ""
    assert waking.unlooked(Actor.system(), function)[0].startswith("Whether a bucket, topic, rule or alarm really sends")


class TestPull:
    def test_a_mapping_needs_no_statement(self, function: Function) -> None:
        made = mapping(function, qualifier="live")
        (row,) = rows(function)
        assert (row.way, row.kind, row.form, row.mapping) == (Way.PULL, "sqs", "f:live", made.pk)
        assert waking.let_in([row]) == [()]
        assert problems(row) == []

    def test_one_whose_alias_is_gone_is_an_orphan_and_one_that_is_off_says_so(self, function: Function) -> None:
        Qualifier.objects.create(function=function, kind=QualifierKind.ALIAS, name="live", vanished_at=timezone.now())
        mapping(function, qualifier="live")
        mapping(function, f"arn:aws:kinesis:us-east-1:{ACME}:stream/clicks", state="Disabled")
        assert [problems(row) for row in rows(function)] == [["off"], ["orphan-trigger"]]

    def test_one_that_vanished_is_no_row(self, function: Function) -> None:
        mapping(function, vanished_at=timezone.now())
        assert rows(function) == []

    @pytest.mark.parametrize(
        ("state", "minutes", "stuck"), [("Creating", 16, True), ("Creating", 14, False), ("Enabled", 600, False)]
    )
    def test_it_is_stuck_only_by_two_reads_that_far_apart(
        self, function: Function, state: str, minutes: int, stuck: bool
    ) -> None:
        first = timezone.now() - timedelta(hours=20)
        listed = ListedMapping(uuid.uuid4(), FunctionArn.parse(function.arn), QUEUE, state)
        keep_mappings(function, [listed], first)
        Function.objects.update(mappings_read_at=first)
        assert [problems(row) for row in rows(function)] == [[]]
        again = first + timedelta(minutes=minutes)
        assert keep_mappings(function, [listed], again) == 0
        Function.objects.update(mappings_read_at=again)
        assert [problems(row) for row in rows(function)] == [["stuck"] if stuck else []]

    def test_another_state_begins_anew(self, function: Function) -> None:
        first = timezone.now() - timedelta(hours=2)
        key = uuid.uuid4()
        for moment, state in ((first, "Creating"), (timezone.now(), "Updating")):
            keep_mappings(function, [ListedMapping(key, FunctionArn.parse(function.arn), QUEUE, state)], moment)
            Function.objects.update(mappings_read_at=moment)
        assert problems(rows(function)[0]) == []

    def test_the_last_result_counts_where_it_is_kept(self, function: Function) -> None:
        made = mapping(function)
        assert problems(rows(function)[0]) == []
        Mapping.objects.filter(pk=made.pk).update(last_result="PROBLEM: Function call failed")
        (row,) = rows(function)
        assert problems(row) == ["failing"]
        assert "PROBLEM: Function call failed" in row.troubles[0].sentence


class TestUrls:
    def test_a_url_with_its_pair_names_both_statements_and_its_callers(self, function: Function) -> None:
        Function.objects.update(urls={"": "NONE"})
        function.refresh_from_db()
        kept(function, *url())
        (row,) = rows(function)
        assert (row.way, row.auth, row.callers, row.lacks) == (Way.URL, "NONE", ("everyone",), "")
        assert problems(row) == ["open"]
        assert [one.name for one in waking.let_in([row])[0]] == ["s0", "s1"]

    def test_one_of_type_aws_iam_lets_in_whom_its_statements_name(self, function: Function) -> None:
        Function.objects.update(urls={"": "AWS_IAM"})
        function.refresh_from_db()
        kept(function, *url(ACME, "AWS_IAM"))
        (row,) = rows(function)
        assert (row.callers, problems(row)) == (("Acme Retail",), [])

    @pytest.mark.parametrize("half", [0, 1])
    def test_half_a_pair_is_an_orphan_trigger(self, function: Function, half: int) -> None:
        Function.objects.update(urls={"": "NONE"})
        function.refresh_from_db()
        kept(function, url()[half])
        (row,) = rows(function)
        assert problems(row) == ["orphan-trigger"]
        assert "only half of the pair" in row.lacks

    def test_a_url_that_nobody_may_call_is_one_too_but_not_of_type_aws_iam(self, function: Function) -> None:
        Function.objects.update(urls={"": "NONE", "live": "AWS_IAM"})
        kept(function, qualifier="live")
        assert {row.qualifier: problems(row) for row in rows(function)} == {"": ["orphan-trigger"], "live": []}

    def test_a_url_whose_policy_is_unread_is_not_said_to_let_nobody_in(self, function: Function) -> None:
        Function.objects.update(urls={"": "NONE"})
        Policy.objects.update(reading=Reading.UNREAD)
        (row,) = rows(function)
        assert (row.unread, row.lacks, problems(row)) == (True, "", [])

    def test_statements_for_a_url_that_is_not_there_are_one_orphan_grant(self, function: Function) -> None:
        kept(function, *url())
        (row,) = rows(function)
        assert (problems(row), row.callers, row.statements) == (["orphan-grant"], ("everyone",), (0, 1))

    def test_statements_for_another_type_are_one_beside_the_url(self, function: Function) -> None:
        Function.objects.update(urls={"": "AWS_IAM"})
        function.refresh_from_db()
        kept(function, *url())
        assert [one for row in rows(function) for one in problems(row)] == ["orphan-grant"]

    def test_a_statement_that_lets_in_otherwise_is_no_orphan(self, function: Function) -> None:
        kept(function, allow(ACME, "*"))
        assert rows(function) == []

    def test_where_urls_were_not_read_a_statement_for_one_is_shown_as_unread(self, function: Function) -> None:
        Function.objects.update(urls=None)
        function.refresh_from_db()
        kept(function, *url())
        (row,) = rows(function)
        assert (row.auth, row.callers, row.lacks) == ("", ("everyone",), "")
        assert "Function URLs were not read yet for 1 function." in waking.unlooked(Actor.system(), function)


class TestDuplicates:
    def test_two_equal_statements_are_one_row_that_says_so(self, function: Function) -> None:
        kept(function, service("sns", TOPIC), service("sns", TOPIC))
        (row,) = rows(function)
        assert (row.statements, problems(row)) == ((0, 1), ["duplicate"])
        assert [one.name for one in waking.let_in([row])[0]] == ["s0", "s1"]

    def test_two_statements_for_one_source_that_differ_otherwise(self, function: Function) -> None:
        kept(function, service("sns", TOPIC), service("sns", TOPIC, ACME))
        assert [problems(row) for row in rows(function)] == [["duplicate"], ["duplicate"]]

    @pytest.mark.parametrize(
        "other",
        [service("sns", f"{TOPIC}-too"), service("s3", TOPIC, ACME), service("sns", f"arn:aws:sns:us-east-1:{GLOBEX}:orders")],
    )
    def test_another_source_service_or_account_is_none(self, function: Function, other: dict[str, Any]) -> None:
        kept(function, service("sns", TOPIC), other)
        assert all("duplicate" not in problems(row) for row in rows(function))

    def test_the_same_source_on_an_alias_is_none(self, function: Function) -> None:
        kept(function, service("sns", TOPIC))
        kept(function, service("sns", TOPIC), qualifier="live")
        assert [problems(row) for row in rows(function)] == [[], []]

    def test_secret_tokens_are_never_taken_for_the_same(self, function: Function) -> None:
        alexa = allow({"Service": "alexa-appkit.amazon.com"}, StringEquals={"lambda:EventSourceToken": "secret"})
        kept(function, alexa, alexa)
        assert [(row.kind, problems(row)) for row in rows(function)] == [("alexa", [])]

    def test_two_mappings_of_one_source_on_a_function_and_its_alias(self, function: Function) -> None:
        mapping(function)
        mapping(function, qualifier="live")
        mapping(factories.function("g", function.account))
        found = rows(function)
        assert [problems(row) for row in found] == [["duplicate"], ["duplicate"]]
        assert found[0].troubles[0].sentence == "Another mapping of the same source runs f:live."

    def test_sources_nobody_can_name_are_never_the_same(self, function: Function) -> None:
        mapping(function, "")
        mapping(function, "")
        assert [(row.kind, problems(row)) for row in rows(function)] == [("self-managed-kafka", [])] * 2


class TestLetIn:
    def test_a_statement_of_ours_is_its_grant_and_another_is_itself(self, function: Function) -> None:
        policy = kept(function, service("sns", TOPIC), service("s3", BUCKET, ACME))
        grant = factories.grant(function, sid="s0")
        factories.grant(function, sid="s1", state=GrantState.REVOKED)
        found = {row.kind: by for row, by in zip(rows(function), waking.let_in(rows(function)), strict=True)}
        assert [(one.grant, one.key, one.policy) for one in found["sns"]] == [(grant, "s0", policy.pk)]
        assert [(one.grant, one.name) for one in found["s3"]] == [(None, "s1")]

    def test_what_is_not_readable_any_more_is_stale(self, function: Function) -> None:
        policy = kept(function, service("sns", TOPIC))
        Policy.objects.filter(pk=policy.pk).update(unread_since=timezone.now(), reading=Reading.UNREAD)
        assert waking.let_in(rows(function))[0][0].stale
        assert any("1 policy is unread" in line for line in waking.unlooked(Actor.system(), function))


class TestVanished:
    def vanished(self, function: Function, **fields: Any) -> Grant:
        statement = {"Sid": "fnshare-1", "Effect": "Allow", **service("sns", TOPIC)}
        made = factories.grant(function, sid="fnshare-1", state=GrantState.VANISHED, **fields)
        Grant.objects.filter(pk=made.pk).update(
            principal_kind="service", principal="sns.amazonaws.com", principal_account=ACME, statement=statement
        )
        return made

    def test_a_source_whose_statement_somebody_removed_is_an_orphan(self, function: Function) -> None:
        grant = self.vanished(function)
        (row,) = rows(function)
        assert (row.kind, row.sources, problems(row)) == ("sns", (TOPIC,), ["orphan-trigger"])
        assert [one.grant for one in waking.let_in([row])[0]] == [grant]

    def test_not_where_another_statement_lets_the_same_source_in_or_it_was_restored(self, function: Function) -> None:
        grant = self.vanished(function)
        kept(function, service("sns", TOPIC))
        assert [problems(row) for row in rows(function)] == [[]]
        kept(function, allow(GLOBEX))
        factories.grant(function, undo_of=grant)
        assert rows(function) == []


class TestScopeAndList:
    def test_a_person_sees_what_is_in_their_scope(self, function: Function) -> None:
        other = factories.function("other", owner("Other"), urls={"": "NONE"})
        kept(function, service("sns", TOPIC))
        mapping(function)
        mapping(other)
        me = Actor.of(factories.person(Role.OWNER, accounts=[function.account]))
        assert {row.place.pk for row in waking.gather(me)} == {function.pk}
        assert waking.of_function(other, by=me) == []
        assert waking.gather(Actor.of(factories.person(Role.CONSUMER))) == []

    @pytest.mark.parametrize(
        ("asked", "kinds"),
        [
            (Asked(), ["sqs", "s3", "sns"]),
            (Asked(way=Way.PULL), ["sqs"]),
            (Asked(kind="s3"), ["s3"]),
            (Asked(account=GLOBEX), ["s3"]),
            (Asked(problem="any"), ["sqs"]),
            (Asked(problem=Problem.OFF.value), ["sqs"]),
            (Asked(problem=Problem.OPEN.value), []),
            (Asked(text="acme ORDERS"), ["sns"]),
            (Asked(text=f"{ACME[:4]} {ACME[4:8]}"), ["sqs", "sns"]),
            (Asked(text="bucket"), ["s3"]),
            (Asked(text="nothing"), []),
            (Asked(order="problem"), ["sqs", "s3", "sns"]),
            (Asked(order="source"), ["sqs", "sns", "s3"]),
        ],
    )
    def test_it_is_narrowed_and_ordered(self, function: Function, asked: Asked, kinds: list[str]) -> None:
        kept(function, service("sns", TOPIC), service("s3", BUCKET, GLOBEX))
        mapping(function, state="Disabled")
        found = [row.kind for row in waking.listed(waking.gather(Actor.system()), asked)]
        assert (found if asked.order != "function" else sorted(found)) == (
            kinds if asked.order != "function" else sorted(kinds)
        )


def follows(policy: Policy, index: int) -> granting.Consequences:
    return granting.consequences_of_statement(policy, index=index, version_pk=policy.current_id or 0, by=Actor.system())


class TestRevoking:
    def test_it_says_first_that_a_source_s_events_will_not_arrive(self, function: Function) -> None:
        policy = kept(function, service("s3", BUCKET, ACME))
        assert follows(policy, 0).wakes == (
            "Events from S3 bucket uploads of Acme Retail will not arrive any more, if any are sent (that is not looked at), "
            "and Amazon S3 will not tell them.",
        )

    def test_it_says_nothing_where_another_statement_lets_the_same_in_or_nobody_is_let_in(self, function: Function) -> None:
        policy = kept(function, service("sns", TOPIC), service("sns", TOPIC), service("sqs", QUEUE), allow(GLOBEX))
        for index in range(4):
            found = follows(policy, index)
            assert found.wakes == (), index

    @pytest.mark.parametrize("index", [0, 1])
    def test_each_of_the_two_statements_of_a_url_is_needed(self, function: Function, index: int) -> None:
        Function.objects.update(urls={"": "NONE"})
        function.refresh_from_db()
        policy = kept(function, *url())
        found = follows(policy, index)
        assert found.wakes == ("The URL of f (type NONE) needs this statement: afterwards it answers 403 to whom it names.",)


class TestFindings:
    def test_stuck_and_failing_mappings_are_found_and_close_when_they_are_well(self, function: Function) -> None:
        ages_ago = timezone.now() - timedelta(hours=2)
        made = mapping(function, state="Creating", state_since=ages_ago)
        Mapping.objects.filter(pk=made.pk).update(last_result="PROBLEM: No access")
        refreshing.refresh()
        found = {one.rule: one for one in Finding.objects.filter(rule__startswith="mapping-")}
        assert set(found) == {"mapping-stuck", "mapping-failing"}
        assert found["mapping-stuck"].function == function
        Mapping.objects.filter(pk=made.pk).update(state="Enabled", last_result="OK")
        refreshing.refresh(now=timezone.now() + timedelta(minutes=5))
        assert not Finding.objects.not_safe().filter(rule__startswith="mapping-").exists()


class TestAnswers:
    def test_pull_push_and_urls_are_all_counted_by_who_can_invoke(self, function: Function) -> None:
        Function.objects.update(urls={"": "NONE"})
        function.refresh_from_db()
        kept(function, *url(), service("sns", TOPIC))
        mapping(function)
        found = who_can_invoke(by=Actor.system(), function_arn=function.arn)
        assert {(way.exposure.kind, way.exposure.action_class) for way in found.ways} >= {
            ("everyone", "invoke-url"),
            ("service", "invoke"),
        }
        assert len(found.mappings) == 1
        answer = ask(function.arn, by=Actor.system())
        said = " ".join(answer.sentences)
        assert "through its URL" in said
        assert "Amazon SNS" in said
        assert "SQS queue jobs" in said

    def test_where_urls_were_not_read_it_says_so(self, function: Function) -> None:
        Function.objects.update(urls=None)
        found = who_can_invoke(by=Actor.system())
        assert "The function URLs of 1 of 1 functions were not read yet." in found.coverage

    def test_an_account_is_told_of_its_sources_of_every_way(self, function: Function) -> None:
        kept(function, service("sns", TOPIC))
        mapping(function)
        answer = ask(ACME, by=Actor.system())
        assert {group.key for group in answer.groups} >= {"service"}
        assert any("event source mapping" in sentence for sentence in answer.sentences)


def test_the_number_of_queries_does_not_depend_on_how_much_there_is() -> None:
    of = owner()
    counts = []
    for many in (1, 12):
        for _ in range(many):
            made = factories.function("", of, urls={"": "NONE"})
            kept(made, *url(), service("sns", TOPIC), service("s3", BUCKET, ACME))
            mapping(made, qualifier="live")
        with CaptureQueriesContext(connection) as captured:
            found = waking.gather(Actor.system())
            waking.let_in(found)
            waking.unlooked(Actor.system())
        counts.append(len(captured))
    assert counts[0] == counts[1]
