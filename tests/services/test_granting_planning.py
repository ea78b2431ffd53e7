"""Planning a share: who is understood, what is refused with what to do, what the preview shows."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import Account, Actor, Connection, ConnectionState, Grant, GrantState, Policy, Reading, Role
from sharing.services import granting
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.syncing.storing import store_policy
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Account:
    return factories.account("Shop", "444455556666")


@pytest.fixture
def policy(owner: Account) -> Policy:
    factories.connection(owner)
    return factories.function("hello_world", owner).policies.get()


@pytest.fixture
def ann() -> Actor:
    return Actor.of(factories.person(Role.OWNER, email="ann@example.com"))


def in_days(days: int) -> datetime:
    return timezone.now() + timedelta(days=days)


def test_an_account_is_understood_by_its_digits_and_by_its_name(policy: Policy, ann: Actor) -> None:
    factories.account("Acme Ltd", "111122223333")
    for who in ("111122223333", "1111 2222 3333", "1111-2222-3333", "acme ltd"):
        plan = granting.plan(policy=policy, who=who, by=ann, ends_at=in_days(90))
        assert plan.ok, plan.problems
        assert plan.statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
        assert plan.who_label == "Acme Ltd"


def test_two_accounts_of_one_name_are_not_guessed_between(policy: Policy, ann: Actor) -> None:
    factories.account("Acme", "111122223333")
    factories.account("Acme", "111122224444")
    plan = granting.plan(policy=policy, who="Acme", by=ann)
    assert [problem.field for problem in plan.problems] == ["who"]
    assert "111122223333" in plan.problems[0].message
    assert "111122224444" in plan.problems[0].message


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("11112222333", "11 digits"),
        ("1111222233334", "13 digits"),
        ("arn:aws-cn:iam::111122223333:role/x", "partition"),
        ("s3.amazonsaws.com", "did you mean s3.amazonaws.com"),
        ("snss.amazonaws.com", "did you mean sns.amazonaws.com"),
        ("arn:aws:iam::111122223333:group/x", "group"),
        ("", "Say who"),
    ],
)
def test_a_who_that_is_nobody_is_refused_in_words(policy: Policy, ann: Actor, who: str, said: str) -> None:
    plan = granting.plan(policy=policy, who=who, by=ann)
    assert not plan.ok
    assert plan.problems[0].field == "who"
    assert said in plan.problems[0].message


@pytest.mark.parametrize("action", ["lambda:Invoke", "lambda:CreateEventSourceMapping", "lambda:*", "*", "lambda:Foo"])
def test_actions_that_buy_nothing_or_everything_are_refused(policy: Policy, ann: Actor, action: str) -> None:
    plan = granting.plan(policy=policy, who="111122223333", action=action, by=ann)
    assert [problem.field for problem in plan.problems] == ["action"]


def test_a_mapping_action_is_refused_with_what_to_do_instead(policy: Policy, ann: Actor) -> None:
    plan = granting.plan(policy=policy, who="111122223333", action="lambda:CreateEventSourceMapping", by=ann)
    assert "lambda:InvokeFunction" in plan.problems[0].message
    assert "owner" in plan.problems[0].message


@pytest.mark.parametrize(
    ("sid", "said"),
    [("has space", "space"), ("x" * 101, "101 characters"), ("dot.dot", "does not allow"), ("täst", "does not allow")],
)
def test_statement_ids_that_aws_refuses_are_refused_here(policy: Policy, ann: Actor, sid: str, said: str) -> None:
    plan = granting.plan(policy=policy, who="111122223333", sid=sid, by=ann)
    assert [problem.field for problem in plan.problems] == ["sid"]
    assert said in plan.problems[0].message


def test_the_default_sid_carries_the_grants_id_and_stays_with_the_form(policy: Policy, ann: Actor) -> None:
    one = granting.plan(policy=policy, who="111122223333", by=ann, form_token="form-1")
    two = granting.plan(policy=policy, who="111122223333", by=ann, form_token="form-1")
    other = granting.plan(policy=policy, who="111122223333", by=ann, form_token="form-2")
    assert one.sid == two.sid == f"fnshare-{one.grant_id.hex}"
    assert other.sid != one.sid
    made = granting.grant(two, reason="They need it", by=ann)
    assert made.pk == one.grant_id
    assert made.statement == one.statement


def test_a_sid_of_a_live_grant_is_taken(policy: Policy, ann: Actor) -> None:
    granting.grant(granting.plan(policy=policy, who="111122223333", sid="acme", by=ann), reason="x", by=ann)
    plan = granting.plan(policy=policy, who="111122224444", sid="acme", by=ann)
    assert [problem.field for problem in plan.problems] == ["sid"]


def test_everyone_needs_an_end_date_and_a_second_person(policy: Policy, ann: Actor) -> None:
    plan = granting.plan(policy=policy, who="everyone", by=ann)
    assert [problem.field for problem in plan.problems] == ["ends_at"]
    plan = granting.plan(policy=policy, who="everyone", by=ann, ends_at=in_days(1))
    assert plan.ok
    assert plan.second_person


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        ({"who": "111122223333"}, False),
        ({"who": "111122223333", "action": "lambda:UpdateFunctionCode"}, True),
        ({"who": "s3.amazonaws.com"}, True),
        ({"who": "s3.amazonaws.com", "source_account": "111122223333"}, False),
        ({"who": "o-abcdefghij"}, False),
    ],
)
def test_dangerous_shares_wait_for_a_second_person(policy: Policy, ann: Actor, asked: dict[str, str], waits: bool) -> None:
    plan = granting.plan(policy=policy, by=ann, ends_at=in_days(3), **asked)  # type: ignore[arg-type]
    assert plan.ok, plan.problems
    assert bool(plan.second_person) == waits
    made = granting.grant(plan, reason="because", by=ann)
    assert made.state == (GrantState.REQUESTED if waits else GrantState.PENDING)


def test_an_end_in_the_past_is_refused(policy: Policy, ann: Actor) -> None:
    plan = granting.plan(policy=policy, who="111122223333", by=ann, ends_at=in_days(-1))
    assert [problem.field for problem in plan.problems] == ["ends_at"]


def test_a_paused_connection_and_a_reading_role_are_said_with_what_to_do(policy: Policy, ann: Actor, owner: Account) -> None:
    connection = Connection.objects.get(account=owner)
    connection.verbs = {"read": True, "share": False}
    connection.save()
    plan = granting.plan(policy=policy, who="111122223333", by=ann)
    assert [problem.code for problem in plan.problems] == ["read-only"]
    assert "AddPermission" in plan.problems[0].next
    connection.state = ConnectionState.PAUSED
    connection.save()
    plan = granting.plan(policy=policy, who="111122223333", by=ann)
    assert [problem.code for problem in plan.problems] == ["paused"]
    connection.delete()
    plan = granting.plan(policy=policy, who="111122223333", by=ann)
    assert [problem.code for problem in plan.problems] == ["not-connected"]


def test_an_unread_policy_is_said_and_does_not_block(policy: Policy, ann: Actor) -> None:
    Policy.objects.filter(pk=policy.pk).update(reading=Reading.UNREAD)
    policy.refresh_from_db()
    plan = granting.plan(policy=policy, who="111122223333", by=ann)
    assert plan.ok
    assert [warning.code for warning in plan.warnings] == ["unread"]


def test_a_function_that_aws_no_longer_lists_cannot_be_shared(policy: Policy, ann: Actor) -> None:
    policy.function.vanished_at = timezone.now()
    policy.function.save()
    plan = granting.plan(policy=policy, who="111122223333", by=ann)
    assert [problem.code for problem in plan.problems] == ["gone"]


def test_auditors_and_people_out_of_scope_plan_nothing(policy: Policy) -> None:
    auditor = Actor.of(factories.person(Role.AUDITOR))
    with pytest.raises(NotPermitted):
        granting.plan(policy=policy, who="111122223333", by=auditor)
    stranger = Actor.of(factories.person(Role.OWNER, accounts=[factories.account()]))
    with pytest.raises(NotFound):
        granting.plan(policy=policy, who="111122223333", by=stranger)


def test_a_token_is_masked_in_everything_but_its_own_field(policy: Policy, ann: Actor) -> None:
    plan = granting.plan(
        policy=policy, who="alexa-appkit.amazon.com", event_source_token="amzn1.ask.skill.secret", by=ann, ends_at=in_days(9)
    )
    assert plan.ok, plan.problems
    assert "amzn1" not in f"{plan.statement}{plan.sentence}{plan.cli}{plan.equality}{plan!r}"
    made = granting.grant(plan, reason="skill", by=ann)
    assert made.event_source_token == "amzn1.ask.skill.secret"
    assert "amzn1" not in f"{made.statement}{made.permission}{made.token_fingerprint}"


def test_two_tokens_make_two_grants_although_both_are_masked_alike(policy: Policy, ann: Actor) -> None:
    def asked(token: str) -> granting.Plan:
        return granting.plan(policy=policy, who="alexa-appkit.amazon.com", event_source_token=token, by=ann)

    granting.grant(asked("one"), reason="skill", by=ann)
    assert asked("two").equal is None
    assert asked("one").equal is not None


def test_an_equal_grant_is_shown_not_written_twice(policy: Policy, ann: Actor) -> None:
    end = in_days(90)
    first = granting.grant(granting.plan(policy=policy, who="111122223333", by=ann, ends_at=end), reason="x", by=ann)
    plan = granting.plan(policy=policy, who="1111 2222 3333", by=ann, ends_at=end)
    assert plan.equal == first
    assert plan.same_end
    assert granting.grant(plan, reason="x", by=ann) == first
    assert Grant.objects.count() == 1


def test_another_end_date_offers_to_extend_or_a_second_lease_which_ends_alone(policy: Policy, ann: Actor) -> None:
    granting.grant(granting.plan(policy=policy, who="111122223333", by=ann, ends_at=in_days(9)), reason="x", by=ann)
    plan = granting.plan(policy=policy, who="111122223333", by=ann, ends_at=in_days(90))
    assert plan.ok
    assert plan.equal
    assert not plan.same_end
    with pytest.raises(Refusal) as refused:
        granting.grant(plan, reason="x", by=ann)
    assert refused.value.code == "equal"
    second = granting.grant(plan, reason="x", by=ann, anyway=True)
    assert Grant.objects.count() == 2
    assert second.sid == plan.sid


def test_sizes_count_what_aws_would_count(policy: Policy, ann: Actor) -> None:
    plan = granting.plan(policy=policy, who="111122223333", by=ann)
    assert plan.size_before == 0
    assert 250 < plan.size_after < 400
    assert plan.limit == 20_480


def held(policy: Policy, *statements: Mapping[str, Any]) -> None:
    """What a read of the policy found in AWS."""
    full = [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": policy.arn, **one} for one in statements]
    document = json.dumps({"Version": "2012-10-17", "Statement": full})
    store_policy(policy, StoredPolicy(document, "revision"), read_at=timezone.now())


ROOT = {"AWS": "arn:aws:iam::111122223333:root"}


def test_what_already_lets_them_in_is_said(policy: Policy, ann: Actor) -> None:
    held(policy, {"Sid": "whole-account", "Principal": ROOT})
    plan = granting.plan(policy=policy, who="arn:aws:iam::111122223333:role/deploy", by=ann)
    assert plan.ok
    assert [(one.sid, one.index, one.certainty) for one in plan.already] == [("whole-account", 0, "yes")]
    assert "Already granted by statement whole-account" in plan.already[0].sentence
    assert granting.plan(policy=policy, who="222233334444", by=ann).already == ()


def test_a_deny_in_the_way_is_said(policy: Policy, ann: Actor) -> None:
    held(policy, {"Sid": "never", "Effect": "Deny", "Principal": ROOT})
    plan = granting.plan(policy=policy, who="111122223333", by=ann)
    assert plan.ok
    assert "denied" in [warning.code for warning in plan.warnings]


def test_access_to_the_function_is_none_to_its_alias_and_that_is_said(policy: Policy, ann: Actor) -> None:
    held(policy, {"Sid": "bare", "Principal": ROOT})
    live = Policy.objects.create(function=policy.function, qualifier="live", reading=Reading.NONE)
    plan = granting.plan(policy=live, who="111122223333", by=ann)
    assert plan.already == ()
    told = [warning for warning in plan.warnings if warning.code == "other-form"]
    assert len(told) == 1
    assert "hello_world" in told[0].message
    assert "hello_world:live" in told[0].message


def test_a_statement_made_elsewhere_keeps_its_sid(policy: Policy, ann: Actor) -> None:
    held(policy, {"Sid": "taken", "Principal": ROOT})
    plan = granting.plan(policy=policy, who="222233334444", sid="taken", by=ann)
    assert [problem.field for problem in plan.problems] == ["sid"]


def test_a_policy_that_would_be_too_full_is_refused_before_writing(policy: Policy, ann: Actor) -> None:
    held(policy, *({"Sid": f"s{number:03}", "Principal": ROOT} for number in range(130)))
    plan = granting.plan(policy=policy, who="222233334444", by=ann)
    assert [problem.code for problem in plan.problems] == ["full"]
    assert plan.percent == 100


def test_what_else_still_lets_them_in_is_said_before_a_revoke(policy: Policy, ann: Actor) -> None:
    grant = granting.grant(granting.plan(policy=policy, who="111122223333", by=ann), reason="x", by=ann)
    own = {"Sid": grant.sid, "Principal": ROOT}
    held(policy, own)
    assert granting.consequences(grant, by=ann).still_allowed == "no"
    one_role = {"AWS": "arn:aws:iam::111122223333:role/deploy"}
    held(policy, own, {"Sid": "anyone", "Principal": "*"}, {"Sid": "role", "Principal": one_role})
    told = granting.consequences(grant, by=ann)
    assert told.still_allowed == "yes"
    assert {one.sid for one in told.remaining} == {"anyone", "role"}
    ip = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    held(policy, own, {"Sid": "office", "Principal": "*", "Condition": ip})
    told = granting.consequences(grant, by=ann)
    assert told.still_allowed == "depends"
    assert told.depends_on == ("aws:SourceIp",)


def test_an_organisations_statement_lets_its_known_members_in_and_leaves_out_who_is_known_to_be_none(
    policy: Policy, ann: Actor
) -> None:
    grant = granting.grant(granting.plan(policy=policy, who="111122223333", by=ann), reason="x", by=ann)
    own = {"Sid": grant.sid, "Principal": ROOT}
    member = {"StringEquals": {"aws:PrincipalOrgID": "o-k3s8w1q9zt"}}
    office = {**member, "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    held(policy, own, {"Sid": "all", "Principal": "*", "Condition": member})
    assert granting.consequences(grant, by=ann).still_allowed == "depends", "nothing is known of it"
    organization = factories.organization("111122223333")
    told = granting.consequences(grant, by=ann)
    assert told.still_allowed == "yes"
    assert "lets them in as well. It belongs to organisation o-k3s8w1q9zt, as read at" in told.remaining[0].sentence
    held(policy, own, {"Sid": "office", "Principal": "*", "Condition": office})
    assert granting.consequences(grant, by=ann).still_allowed == "depends", "membership is not all that is asked"
    organization.members.update(number="222233334444")
    type(organization).objects.update(read_at=timezone.now())
    assert granting.consequences(grant, by=ann).still_allowed == "no"
    type(organization).objects.update(failure="No answer.")
    assert granting.consequences(grant, by=ann).still_allowed == "depends"


def test_the_command_and_the_sentence_are_what_people_can_read_and_run(policy: Policy, ann: Actor) -> None:
    factories.account("Acme Ltd", "111122223333")
    plan = granting.plan(policy=policy, who="Acme Ltd", sid="acme", by=ann)
    assert "Acme Ltd" in plan.sentence
    assert plan.cli.startswith("aws lambda add-permission")
    assert "--statement-id acme" in plan.cli
    assert [str(part) for part in plan.parts if part.strong][:1] == ["Acme Ltd"]


def test_the_other_click_of_a_double_click_is_planned_as_the_same_share(
    policy: Policy, ann: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first click commits after the second has looked for an equal grant and before it looks at the statement id."""
    from sharing.services.granting import planning

    first = granting.plan(policy=policy, who="111122223333", by=ann, form_token="one-form")
    made = granting.grant(first, reason="They need it", by=ann)
    monkeypatch.setattr(planning, "_equal", lambda *_args: None)
    second = granting.plan(policy=policy, who="111122223333", by=ann, form_token="one-form")
    assert second.problems == ()
    assert second.statement == first.statement
    assert granting.grant(second, reason="They need it", by=ann).pk == made.pk
    changed = granting.plan(policy=policy, who="222233334444", by=ann, form_token="one-form")
    assert [problem.field for problem in changed.problems] == ["sid"]
