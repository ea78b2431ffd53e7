"""Many shares: a verdict for every line before anything is written."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import Account, Actor, Grant, Judgement, Role
from sharing.policy.document import LIMIT, parse
from sharing.services import bulk as bulks
from sharing.services import granting
from sharing.services.bulk import Line
from sharing.services.errors import Refusal
from tests import factories
from tests.services.kept import ACME, GLOBEX, allow, kept, owner

pytestmark = pytest.mark.django_db

EMPTY = {"Version": "2012-10-17", "Id": "default"}


@pytest.fixture
def platform() -> Account:
    return owner()


@pytest.fixture
def ann() -> Actor:
    return Actor.of(factories.person(Role.OWNER, email="ann@example.com"))


def judged(lines: list[Line], by: Actor) -> list[tuple[str, str]]:
    found = bulks.judged(lines, [f"t{line.number}" for line in lines], by=by)
    return [(one.judgement.value, one.says) for one in found]


def verdicts(lines: list[Line], by: Actor) -> list[str]:
    return [verdict for verdict, _ in judged(lines, by)]


def line(number: int, function: str, who: str = ACME, **more: object) -> Line:
    return Line(number, function, who, **{"reason": "They need it", **more})  # type: ignore[arg-type]


def test_every_line_gets_the_verdict_that_is_its_own(platform: Account, ann: Actor) -> None:
    hello = factories.function("hello", platform)
    full = factories.function("full", platform)
    kept(hello, allow(ACME))
    kept(full, *(allow(f"{100_000_000_000 + n}") for n in range(95)))
    closed = factories.function("closed")
    factories.account("Acme", ACME)
    plan = granting.plan(policy=hello.policies.get(), who=GLOBEX, by=ann)
    granting.grant(plan, reason="x", by=ann)
    lines = [
        line(1, "hello", "Acme", action="lambda:GetFunctionConfiguration"),
        line(2, hello.arn, GLOBEX),
        line(3, "hello", "1111 2222 3333", action="lambda:GetFunctionConfiguration"),
        line(4, "nothing"),
        line(5, "hello", "nobody at all"),
        line(6, "full", GLOBEX, action="lambda:GetFunctionConfiguration"),
        line(7, "full", "333344445555", action="lambda:GetFunctionConfiguration"),
        line(8, closed.arn),
        line(9, "hello", ACME, action="lambda:UpdateFunctionCode"),
        line(10, "hello", "333344445555", ends_at=timezone.now() - timedelta(days=1)),
        line(11, "hello", "333344445555", reason=" "),
        line(12, "hello:live"),
        line(13, "hello", "everyone"),
    ]
    said = verdicts(lines, ann)
    assert said[:5] == ["ok", "already", "duplicate", "function", "principal"]
    assert said[7:] == ["closed", "second", "invalid", "invalid", "function", "invalid"]
    assert set(said[5:7]) <= {"ok", "full"}


def test_bytes_are_counted_up_line_by_line_to_what_the_policy_holds_in_the_end(platform: Account, ann: Actor) -> None:
    """An empty policy takes exactly as many lines as single shares one after another would fit in."""
    factories.function("fresh", platform)
    lines = [line(n + 1, "fresh", f"{100_000_000_000 + n}") for n in range(120)]
    said = verdicts(lines, ann)
    fits = said.count("ok")
    assert said == ["ok"] * fits + ["full"] * (120 - fits)
    tokens = [f"t{one.number}" for one in lines[: fits + 1]]
    statements = [
        granting.plan(policy=platform.functions.get().policies.get(), who=one.who, by=ann, form_token=token).statement
        for one, token in zip(lines, tokens, strict=False)
    ]
    fitting, one_more = (parse({**EMPTY, "Statement": many}).size for many in (statements[:fits], statements))
    assert fitting <= LIMIT < one_more


def test_what_is_out_of_scope_has_the_words_of_what_does_not_exist(platform: Account) -> None:
    secret = factories.function("secret", owner("Other"))
    own = factories.function("own", platform)
    ben = Actor.of(factories.person(Role.OWNER, accounts=[platform]))
    (_, hidden), (_, missing), (mine, _) = judged([line(1, secret.arn), line(2, secret.arn + "x"), line(3, own.arn)], ben)
    assert hidden == missing.replace("secretx", "secret")
    assert mine == "ok"


def test_a_name_of_several_functions_is_not_guessed(ann: Actor) -> None:
    factories.function("twin", owner("One"))
    factories.function("twin", owner("Two"))
    ((verdict, says),) = judged([line(1, "twin")], ann)
    assert verdict == "function"
    assert "2 functions" in says


def test_an_alias_has_a_policy_of_its_own(platform: Account, ann: Actor) -> None:
    kept(factories.function("hello", platform), allow(ACME), qualifier="live")
    assert verdicts([line(1, "hello:live", GLOBEX), line(2, "hello", GLOBEX), line(3, "hello:live", GLOBEX)], ann) == [
        "ok",
        "ok",
        "duplicate",
    ]


def test_the_verdict_is_what_a_single_share_would_say(platform: Account, ann: Actor) -> None:
    policy = kept(factories.function("hello", platform), allow(ACME))
    for who in (ACME, GLOBEX, "o-a1b2c3d4e5", "s3.amazonaws.com", "arn:aws:iam::111122223333:group/x"):
        plan = granting.plan(policy=policy, who=who, by=ann)
        wanted = "principal" if plan.problems else "second" if plan.second_person else "ok"
        assert verdicts([line(1, "hello", who)], ann) == [wanted], who


def test_queries_do_not_grow_with_the_lines(platform: Account, ann: Actor) -> None:
    for number in range(40):
        kept(factories.function(f"f{number}", platform), allow(ACME))
    counts = []
    for functions, people in ((2, 2), (40, 10)):
        lines = bulks.from_picks(
            [f"f{n}" for n in range(functions)],
            [f"{100_000_000_000 + n}" for n in range(people)],
            action="lambda:InvokeFunction",
            ends_at=None,
            reason="x",
        )
        with CaptureQueriesContext(connection) as captured:
            started = time.monotonic()
            assert set(verdicts(lines, ann)) == {"ok"}
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert time.monotonic() - started < 5


def test_a_list_is_read_with_any_separator_and_says_what_it_cannot_read() -> None:
    text = (
        "\ufefffunction;principal;qualifier;until;action\nhello;111122223333;live;2027-02-20;invokeFunction\n\n'=x;'-1;;soon;\n"
    )
    first, second = bulks.from_list(text, ends_at=None, reason="because")
    assert (first.function, first.who, first.action, first.reason, first.wrong) == (
        "hello:live",
        ACME,
        "lambda:InvokeFunction",
        "because",
        "",
    )
    assert first.ends_at == datetime(2027, 2, 20, 23, 59, 59, tzinfo=UTC)
    assert second.function == "=x"
    assert "not an end date" in second.wrong


def test_the_column_of_whom_has_either_name() -> None:
    for heading, wanted in (("function,who", ACME), ("Function,Who,Principal", GLOBEX)):
        (line,) = bulks.from_list(f"{heading}\nhello,{ACME},{GLOBEX}", ends_at=None, reason="")
        assert line.who == wanted, heading


@pytest.mark.parametrize("text", ["", "a,b\n1,2", "function,principal\n", "\x00"])
def test_what_is_no_list_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        bulks.from_list(text, ends_at=None, reason="")
    assert refused.value.next
    assert refused.value.field == "text"


def test_more_than_ten_thousand_are_refused() -> None:
    with pytest.raises(Refusal) as refused:
        bulks.from_picks((f"f{n}" for n in range(101)), map(str, range(100)), action="x", ends_at=None, reason="")
    assert "10,100" in refused.value.message


def test_a_draft_writes_nothing_and_is_seen_by_nobody_else(platform: Account, ann: Actor) -> None:
    factories.function("hello", platform)
    made = bulks.draft([line(1, "hello")], title="x", reason="x", by=ann, form_token="form")
    assert bulks.draft([line(1, "hello")], title="x", reason="x", by=ann, form_token="form") == made
    assert not Grant.objects.exists()
    ben = Actor.of(factories.person(Role.OWNER))
    with pytest.raises(Refusal) as refused:
        bulks.confirm(made, by=ben, judged_at=made.judged_at)
    assert refused.value.code == "not-found"
    assert bulks.verdicts(made) == {Judgement.OK: 1}
