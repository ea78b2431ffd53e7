"""share and revoke: exit codes, items and errors as programs and people meet them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from sharing.models import Actor, Event, Grant, GrantState, Policy, Qualifier
from sharing.services import granting
from tests.commands.running import FIELDS, run
from tests.services.estate import Estate, Worker

ACME, GLOBEX = "111122223333", "222233334444"


@pytest.mark.django_db(transaction=True)
def test_share_waits_until_it_is_active_and_proved(estate: Estate, hello: Policy) -> None:
    with Worker():
        ran = run(
            "share", hello.arn, "--with", ACME, "--reason", "labels", "--until", "+90d", "--wait", "--timeout", "30", "--json"
        )
    assert ran.code == 0, ran.err + ran.out
    assert ran.data["ok"] is True
    assert ran.data["error"] is None
    (item,) = ran.items
    assert set(item) == FIELDS
    assert item["state"] == "active"
    assert item["check"]["verdict"] == "allowed"
    assert item["check"]["principal"] == estate.connection("Acme Retail", "checker").role_arn
    assert (item["function_arn"], item["qualifier"], item["principal"]) == (hello.arn, "", ACME)
    assert item["reason"] == "labels"
    assert datetime.fromisoformat(item["until"]) > timezone.now() + timedelta(days=89)
    assert estate.sids(hello) == [item["sid"]]
    event = Event.objects.get(verb="grant.decided")
    assert event.actor.startswith("operator ")


@pytest.mark.django_db(transaction=True)
def test_revoke_waits_until_it_is_gone_and_denied(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    with Worker():
        ran = run("revoke", hello.arn, "--sid", grant.sid, "--wait", "--timeout", "30", "--json")
    assert ran.code == 0, ran.err
    (item,) = ran.items
    assert (item["id"], item["state"]) == (str(grant.pk), "revoked")
    assert item["check"]["verdict"] == "denied"
    assert estate.sids(hello) == []


@pytest.mark.django_db(transaction=True)
def test_a_share_is_suspended_and_resumed_from_a_shell(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    asked = [hello.arn, "--sid", grant.sid, "--json"]
    waiting = ["--wait", "--timeout", "30"]
    with Worker():
        ran = run("suspend", *asked, *waiting, "--reason", "An incident", "--until", "+4h")
        assert (ran.code, ran.items[0]["state"], estate.sids(hello)) == (0, "suspended", []), ran.err
        ran = run("resume", *asked, *waiting)
    assert (ran.code, ran.items[0]["state"], estate.sids(hello)) == (0, "active", [grant.sid]), ran.err
    assert ran.items[0]["check"]["verdict"] == "allowed"
    ran = run("suspend", *asked, "--reason", " ")
    assert (ran.code, ran.data["error"]["code"]) == (1, "invalid")


@pytest.mark.django_db
def test_without_wait_it_is_kept_worker_or_not(estate: Estate, hello: Policy) -> None:
    ran = run("share", hello.arn, "--with", ACME, "--reason", "x", "--json")
    assert ran.code == 0
    assert ran.items[0]["state"] == "pending"
    assert Grant.objects.get().state == GrantState.PENDING
    ran = run("share", hello.arn, "--with", "Acme Retail", "--reason", "x", "--json")
    assert ran.code == 0, "an equal share gives the existing one back"
    assert Grant.objects.count() == 1
    assert ran.items[0]["id"] == str(Grant.objects.get().pk)


@pytest.mark.django_db
def test_out_of_time_is_a_failure_that_loses_nothing(estate: Estate, hello: Policy) -> None:
    ran = run("share", hello.arn, "--with", ACME, "--reason", "x", "--wait", "--timeout", "0.3", "--json")
    assert ran.code == 1
    assert ran.error["code"] == "timeout"
    assert ran.error["next"]
    assert ran.items[0]["state"] == "pending"


@pytest.mark.django_db
def test_a_second_person_is_exit_3_at_once(estate: Estate, hello: Policy) -> None:
    ran = run("share", hello.arn, "--with", "everyone", "--until", "+4h", "--reason", "demo", "--wait", "--json")
    assert ran.code == 3
    assert ran.data["ok"] is False
    assert ran.items[0]["state"] == "requested"
    assert ran.error["message"]
    assert ran.error["next"]


@pytest.mark.django_db(transaction=True)
def test_what_aws_refuses_is_exit_1_with_the_sentence(estate: Estate, hello: Policy) -> None:
    estate.sandbox.faults.add("AddPermission", "before", "error", "AccessDeniedException", 403, "no", times=9)
    with Worker():
        ran = run("share", hello.arn, "--with", ACME, "--reason", "x", "--wait", "--timeout", "30", "--json")
    assert ran.code == 1
    assert ran.items[0]["state"] == "failed"
    assert ran.items[0]["failure"] == ran.error["message"]
    assert ran.error["code"] == "AccessDeniedException"
    assert ran.error["next"]


@pytest.mark.django_db(transaction=True)
def test_a_refused_revoke_is_exit_1_and_still_active(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    estate.sandbox.faults.add("RemovePermission", "before", "error", "AccessDeniedException", 403, "no", times=9)
    with Worker():
        ran = run("revoke", hello.arn, "--sid", grant.sid, "--wait", "--timeout", "30", "--json")
    assert ran.code == 1
    assert ran.items[0]["state"] == "active"
    assert ran.error["message"] == ran.items[0]["failure"]


@pytest.mark.django_db(transaction=True)
def test_a_revoke_that_meets_a_changed_statement_names_the_option_a_shell_has(estate: Estate, hello: Policy) -> None:
    """fnshare has not read the change yet when it is asked: the worker meets it."""
    grant = estate.shared(hello)
    document = estate.sandbox.policy(hello.arn)
    assert document
    document["Statement"][0]["Principal"] = "*"
    estate.sandbox.put_policy(hello.arn, document)
    with Worker():
        ran = run("revoke", hello.arn, "--sid", grant.sid, "--wait", "--timeout", "30", "--json")
        assert (ran.code, ran.error["code"], ran.items[0]["state"]) == (1, "changed", "active")
        assert "--anyway" in ran.error["next"]
        done = run("revoke", hello.arn, "--sid", grant.sid, "--anyway", "--wait", "--timeout", "30", "--json")
    assert (done.code, done.items[0]["state"]) == (0, "revoked")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments",
    [
        ["share"],
        ["share", "ARN", "--reason", "x"],
        ["share", "ARN", "--with", ACME],
        ["share", "ARN", "--with", ACME, "--reason", "  "],
        ["share", "ARN", "--with", ACME, "--reason", "x", "--until", "tomorrow"],
        ["share", "ARN", "--with", ACME, "--reason", "x", "--until", "2027-01-01T10:00:00"],
        ["share", "ARN", "--with", ACME, "--reason", "x", "--until", "+999999w"],
        ["share", "ARN", "--with", ACME, "--reason", "x", "--source-account", "1234"],
        ["share", "ARN", "--with", ACME, "--reason", "x", "--by", "nobody@example.com"],
        ["revoke", "ARN"],
        ["revoke", "ARN", "--sid", "a", "--from", ACME],
        ["revoke", "ARN", "--sid", "a", "--all"],
    ],
)
def test_wrong_usage_is_exit_2_and_says_what_is_wrong(estate: Estate, hello: Policy, arguments: list[str]) -> None:
    ran = run(*(hello.arn if one == "ARN" else one for one in arguments), "--json")
    assert ran.code == 2, ran.out
    assert ran.error["message"]
    assert not Grant.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--with", "12345678901"], "11 digits"),
        (["--with", "1234567890123"], "13 digits"),
        (["--with", "s3.amazonsaws.com"], "s3.amazonaws.com"),
        (["--with", "arn:aws-cn:iam::111122223333:role/x"], "partition"),
        (["--with", "everyone"], "end date"),
        (["--with", ACME, "--action", "lambda:Invoke"], "lambda:InvokeFunction"),
        (["--with", ACME, "--action", "lambda:CreateEventSourceMapping"], "owner"),
        (["--with", ACME, "--sid", "a b"], "space"),
        (["--with", ACME, "--sid", "s" * 101], "101"),
        (["--with", ACME, "--until", "2020-01-01"], "past"),
        (["--with", ACME, "--source-arn", "arn:aws:s3:::b"], "source"),
    ],
)
def test_bad_input_is_refused_in_words(estate: Estate, hello: Policy, arguments: list[str], said: str) -> None:
    ran = run("share", hello.arn, *arguments, "--reason", "x", "--json")
    assert ran.code == 1
    assert said in f"{ran.error['message']} {ran.error['next']}"
    assert not Grant.objects.exists()
    plain = run("share", hello.arn, *arguments, "--reason", "x")
    assert plain.code == 1
    assert plain.out == ""
    assert said in plain.err


@pytest.mark.django_db
def test_an_unknown_function_suggests_the_one_that_was_meant(estate: Estate, hello: Policy) -> None:
    ran = run("share", hello.arn.replace("hello", "helo"), "--with", ACME, "--reason", "x", "--json")
    assert (ran.code, ran.error["code"]) == (1, "not-found")
    assert hello.arn in ran.error["next"]
    ran = run("share", f"{hello.arn}:$LATEST", "--with", ACME, "--reason", "x", "--json")
    assert ran.code == 1
    assert "$LATEST" in ran.error["message"]


@pytest.mark.django_db
def test_a_person_named_by_by_is_recorded_as_claimed_and_has_their_own_rights(estate: Estate, hello: Policy) -> None:
    ran = run("share", hello.arn, "--with", ACME, "--reason", "x", "--by", estate.ann.email, "--json")
    assert ran.code == 0
    assert "claimed by operator" in Grant.objects.get().requested_as
    estate.ben.role = "auditor"
    estate.ben.save()
    ran = run("share", hello.arn, "--with", GLOBEX, "--reason", "x", "--by", estate.ben.email, "--json")
    assert (ran.code, ran.error["code"]) == (1, "not-permitted")


@pytest.mark.django_db
def test_until_reads_dates_offsets_and_distances(estate: Estate, hello: Policy) -> None:
    for until, expected in (
        ("2031-02-20", datetime(2031, 2, 20, 23, 59, 59, tzinfo=UTC)),
        ("2031-02-20T18:00:00+01:00", datetime(2031, 2, 20, 17, tzinfo=UTC)),
        ("2031-02-20T18:00:00Z", datetime(2031, 2, 20, 18, tzinfo=UTC)),
    ):
        ran = run("share", hello.arn, "--with", ACME, "--reason", "x", "--until", until, "--json")
        assert ran.code == 0, ran.out
        assert datetime.fromisoformat(ran.items[0]["until"]) == expected
    assert Grant.objects.count() == 3, "each end date is a lease of its own"
    one = run("share", hello.arn, "--with", GLOBEX, "--reason", "x", "--until", "+4h", "--json")
    two = run("share", hello.arn, "--with", GLOBEX, "--reason", "x", "--until", "+4h", "--json")
    assert one.items[0]["id"] == two.items[0]["id"], "the same command again is the same lease"
    assert run("share", hello.arn, "--with", GLOBEX, "--reason", "x", "--json").items[0]["until"] is None


@pytest.mark.django_db
def test_revoke_from_refuses_several_unless_all(estate: Estate, hello: Policy) -> None:
    one = estate.shared(hello, sid="one")
    two = estate.shared(hello, sid="two", ends_at=timezone.now() + timedelta(days=1))
    ran = run("revoke", hello.arn, "--from", "Acme Retail", "--json")
    assert (ran.code, ran.error["code"]) == (1, "ambiguous")
    assert "one" in ran.error["message"]
    assert "two" in ran.error["message"]
    ran = run("revoke", hello.arn, "--from", ACME, "--all", "--json")
    assert ran.code == 0
    assert {item["sid"] for item in ran.items} == {"one", "two"}
    for grant in (one, two):
        assert estate.settle(grant).state == GrantState.REVOKED
    ran = run("revoke", hello.arn, "--from", ACME, "--json")
    assert (ran.code, ran.error["code"]) == (1, "not-found")


@pytest.mark.django_db
def test_statements_made_elsewhere_are_revoked_too(estate: Estate) -> None:
    live = estate.policy("label-uploads", "live")
    Qualifier.objects.create(function=live.function, kind="alias", name="live", points_to="3")
    estate.read(live)
    ran = run("revoke", live.arn, "--sid", "acme-uploads", "--json")
    assert ran.code == 0, ran.out
    assert ran.items[0]["qualifier"] == "live"
    assert ran.items[0]["principal"] == "s3.amazonaws.com"
    assert estate.settle(Grant.objects.get()).state == GrantState.REVOKED
    assert estate.sids(live) == ["acme-labels", "globex-uploads"]
    ran = run("revoke", live.arn, "--sid", "acme-uploads", "--json")
    assert (ran.code, ran.items[0]["state"]) == (0, "revoked")
    ran = run("revoke", live.arn, "--from", ACME, "--json")
    assert (ran.code, ran.items[0]["sid"]) == (0, "acme-labels")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "qualifier", "arguments", "said"),
    [
        ("fraud-score", "", ["--sid", "not-the-batch"], "widen access"),
        ("customer-export", "", ["--from", "333344445555"], "no Sid"),
        ("price-list", "live", ["--from", ACME], "others besides"),
        ("hello_world", "", ["--sid", "nothing"], "not known"),
    ],
)
def test_what_cannot_be_revoked_says_why_and_what_to_do(
    estate: Estate, name: str, qualifier: str, arguments: list[str], said: str
) -> None:
    policy = estate.policy(name, qualifier)
    if qualifier:
        Qualifier.objects.create(function=policy.function, kind="alias", name=qualifier)
    estate.read(policy)
    before = estate.held(policy)
    ran = run("revoke", policy.arn, *arguments, "--json")
    assert ran.code == 1
    assert said in ran.error["message"]
    assert ran.error["next"]
    assert estate.held(policy) == before
    assert not Grant.objects.exists()


@pytest.mark.django_db
def test_a_statement_of_ours_that_changed_wants_anyway(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    document = estate.sandbox.policy(hello.arn)
    assert document
    document["Statement"][0]["Principal"] = "*"
    estate.sandbox.put_policy(hello.arn, document)
    estate.read(hello)
    ran = run("revoke", hello.arn, "--sid", grant.sid, "--json")
    assert (ran.code, ran.error["code"]) == (1, "changed")
    assert "--anyway" in ran.error["next"]
    assert run("revoke", hello.arn, "--sid", grant.sid, "--anyway", "--json").code == 0
    assert estate.settle(grant).state == GrantState.REVOKED


@pytest.mark.django_db
def test_a_request_needs_no_person_to_exist_and_is_approved_by_one(estate: Estate, hello: Policy) -> None:
    ran = run("share", hello.arn, "--with", "everyone", "--until", "+1d", "--reason", "demo", "--json")
    assert ran.code == 3
    grant = Grant.objects.get()
    assert grant.requested_by is None
    granting.approve(grant, digest=granting.approval_digest(grant), by=Actor.of(estate.ben))
    assert estate.settle(grant).state == GrantState.ACTIVE
