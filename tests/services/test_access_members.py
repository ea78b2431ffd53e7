"""Answers that hang on an organisation: definite for those who are known to be in it or outside it, depending for the rest.

A wrong "no" would be the worst of answers: so only a list that was read completely and lately makes one.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import Account, Actor, ConnectionState, Finding, Function, Organization
from sharing.services import access, trusting
from sharing.services.access import function_matrix
from sharing.services.access.appraising import NOT_A_MEMBER
from sharing.services.access.function_matrix import Asked
from sharing.services.access.story import story
from sharing.services.findings import refreshing
from sharing.services.organizations import known
from tests import factories
from tests.services.kept import ACME, GLOBEX, INITECH, ORGANIZATION, allow, kept, owner

pytestmark = pytest.mark.django_db

BY = Actor.system()
OTHER = "o-someoneelse1"
UNIT = f"{ORGANIZATION}/r-ab12/ou-ab12-11111111/"


def in_organization(who: Any = "*", *, effect: str = "Allow", operator: str = "StringEquals", of: Any = ORGANIZATION) -> Any:
    """A statement with a condition on the caller's organisation."""
    return {**allow(who, effect=effect), "Condition": {operator: {"aws:PrincipalOrgID": of}}}


#: Who is asked about, and what is known of them.
def _member() -> str:
    factories.organization(ACME)
    return ACME


def _non_member() -> str:
    factories.organization(ACME)
    return INITECH


def _member_of_another() -> str:
    factories.organization(INITECH, organization_id=OTHER)
    return INITECH


def _unknown() -> str:
    return ACME


def _old() -> str:
    factories.organization(ACME, read_at=timezone.now() - timedelta(hours=49))
    return ACME


def _failing() -> str:
    factories.organization(ACME, failure="The role may not do organizations:ListAccounts.")
    return ACME


def _paused() -> str:
    role = factories.connection(purpose="organization", state=ConnectionState.PAUSED)
    factories.organization(ACME, connection=role)
    return ACME


def _old_and_not_in_it() -> str:
    factories.organization(ACME, read_at=timezone.now() - timedelta(hours=49))
    return INITECH


Known = Callable[[], str]
YES, NO, DEPENDS = "yes", "no", "depends"
UNSURE = (_unknown, _old, _failing, _paused, _old_and_not_in_it)
POLICIES: dict[str, list[Any]] = {
    "the organisation": [in_organization()],
    "one of two organisations": [in_organization(of=[ORGANIZATION, OTHER])],
    "the account, as its member": [in_organization(ACME), in_organization(INITECH)],
    "everyone but its members": [allow(ACME), allow(INITECH), in_organization(effect="Deny")],
    "members only, by a Deny": [allow(ACME), allow(INITECH), in_organization(effect="Deny", operator="StringNotEquals")],
    "in no other, if in any": [in_organization(who, operator="StringEqualsIfExists") for who in (ACME, INITECH)],
}
REASONED: list[tuple[str, Known, str]] = [
    ("the organisation", _member, YES),
    ("the organisation", _non_member, NO),
    ("the organisation", _member_of_another, NO),
    ("one of two organisations", _member, YES),
    ("one of two organisations", _non_member, DEPENDS),  # perhaps of the other one
    ("one of two organisations", _member_of_another, YES),
    ("the account, as its member", _member, YES),
    ("the account, as its member", _non_member, NO),
    ("everyone but its members", _member, NO),
    ("everyone but its members", _non_member, YES),
    ("members only, by a Deny", _member, YES),
    ("members only, by a Deny", _non_member, NO),
    ("in no other, if in any", _member, YES),
    ("in no other, if in any", _non_member, DEPENDS),  # in none it is let in, in another one it is not
    ("in no other, if in any", _member_of_another, NO),
    *((policy, who, DEPENDS) for policy in POLICIES for who in UNSURE),
]


@pytest.mark.parametrize(("policy", "who", "verdict"), REASONED, ids=lambda one: getattr(one, "__name__", str(one)))
def test_one_callers_answer(policy: str, who: Known, verdict: str) -> None:
    function = factories.function("tax-rates", owner(), urls={})
    kept(function, *POLICIES[policy])
    caller = who()
    asked = access.question(by=BY, function=function.arn, principal=f"arn:aws:iam::{caller}:role/deploy")
    found = access.reason(asked, by=BY)
    assert (found.verdict, found.depends_on if found.verdict != DEPENDS else ()) == (verdict, ())
    if verdict == DEPENDS and who is not _unknown and who is not _non_member:
        assert "is not known" in found.caller.membership or "When it was last read" in found.caller.membership


def test_what_the_asker_knows_of_the_caller_comes_before_what_was_read() -> None:
    function = factories.function("tax-rates", owner(), urls={})
    kept(function, in_organization())
    factories.organization(ACME)
    asked = access.question(
        by=BY, function=function.arn, principal=f"arn:aws:iam::{ACME}:role/deploy", context={"aws:PrincipalOrgID": OTHER}
    )
    assert access.reason(asked, by=BY).verdict == NO


def estate() -> dict[str, Function]:
    """Functions of one owner, each with a policy that has something to do with organisations."""
    platform = owner()
    made = {name: factories.function(name, platform, urls={}) for name in ("all", "part", "other", "named", "spared", "plain")}
    kept(made["all"], in_organization())
    kept(made["part"], {**allow("*"), "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": UNIT}}})
    kept(made["other"], in_organization(of=OTHER))
    kept(made["named"], in_organization(ACME), in_organization(INITECH))
    kept(made["spared"], allow(ACME), allow(INITECH), in_organization(effect="Deny", operator="StringNotEquals"))
    kept(made["plain"], allow(ACME), allow(INITECH))
    return made


def told(who: str) -> dict[str, set[str]]:
    """The functions that an account's answer tells, by the way in."""
    answer = access.ask(who, by=BY)
    return {group.key: {line.policy.function.name for line in group.lines} for group in answer.groups}


def test_a_members_ways_in_are_certain_but_for_the_parts_of_its_organisation() -> None:
    estate()
    factories.organization(ACME)
    assert told(ACME) == {"organization": {"all"}, "organization-part": {"part"}, "own": {"named", "spared", "plain"}}
    answer = access.ask(ACME, by=BY)
    assert {group.key for group in answer.groups if group.perhaps} == {"organization-part"}
    assert f"1 function as a member of organisation {ORGANIZATION}" in answer.sentences[0]
    assert any(f"It belongs to organisation {ORGANIZATION}, as read at" in one for one in answer.sentences)


def test_whoever_is_outside_is_not_counted_and_what_names_it_all_the_same_is_told_apart() -> None:
    estate()
    factories.organization(ACME)
    assert told(INITECH) == {"organization": {"other"}, "own": {"plain"}, "outsider": {"named", "spared"}}
    answer = access.ask(INITECH, by=BY)
    groups = {group.key: group for group in answer.groups}
    assert groups["organization"].perhaps, "of the other organisation nothing is known"
    assert all(line.latent == NOT_A_MEMBER for line in groups["outsider"].lines)
    assert any(f"It does not belong to organisation {ORGANIZATION}, as read at" in one for one in answer.sentences)
    assert any("2 functions name it on the condition of a membership" in one for one in answer.sentences)


@pytest.mark.parametrize("who", UNSURE, ids=lambda one: one.__name__)
def test_whoever_is_not_known_may_be_in_any(who: Known) -> None:
    estate()
    caller = who()
    assert told(caller) == {"organization": {"all", "part", "other"}, "own": {"named", "spared", "plain"}}
    groups = {group.key: group for group in access.ask(caller, by=BY).groups}
    assert groups["organization"].perhaps
    assert groups["organization"].unsure >= 3


def test_a_role_is_where_its_account_is() -> None:
    estate()
    factories.organization(ACME)
    role = f"arn:aws:iam::{ACME}:role/deploy"
    assert told(role)["organization"] == {"all"}
    assert "all" not in told(role.replace(ACME, INITECH)).get("organization", set())


def test_where_it_belonged_on_a_past_day_is_not_claimed() -> None:
    estate()
    factories.organization(ACME)
    answer = access.ask(ACME, by=BY, at=timezone.now())
    assert next(group for group in answer.groups if group.key == "organization").perhaps


def test_a_functions_answer_tells_who_is_let_in_on_paper_only_and_how_many_members_there_are() -> None:
    made = estate()
    factories.organization(ACME, GLOBEX)
    answer = access.ask(made["named"].arn, by=BY)
    lines = {line.account: line for group in answer.groups for line in group.lines}
    assert (lines[ACME].latent, lines[INITECH].latent) == ("", NOT_A_MEMBER)
    words = " ".join(access.ask(made["all"].arn, by=BY).sentences)
    assert f"Organisation {ORGANIZATION} has 2 accounts, as read at" in words
    Organization.objects.update(failure="AWS did not answer in time.")
    words = " ".join(access.ask(made["all"].arn, by=BY).sentences)
    assert f"Which accounts belong to organisation {ORGANIZATION} is not known. AWS did not answer in time." in words
    assert access.ask(made["named"].arn, by=BY).groups[0].count == 2


def test_an_organisation_that_cannot_be_read_is_a_gap_of_every_answer() -> None:
    estate()
    factories.unit(factories.organization(ACME), "ou-ab12-11111111", ACME)
    assert not any("Organisation" in one for one in access.ask(ACME, by=BY).coverage)
    Organization.objects.update(read_at=timezone.now() - timedelta(days=3))
    gaps = [one for one in access.ask(ACME, by=BY).coverage if "Organisation" in one]
    assert len(gaps) == 1
    assert "which accounts belong to it is not known" in gaps[0]


def test_an_answer_costs_the_same_whatever_the_size_of_the_organisation() -> None:
    made = estate()

    def costs() -> list[int]:
        found = []
        for text in (ACME, made["named"].arn):
            with CaptureQueriesContext(connection) as captured:
                access.ask(text, by=BY)
            found.append(len(captured))
        return found

    first = factories.organization(ACME)
    few = costs()
    for number in range(40):
        first.members.create(number=f"{900000000000 + number}", name="x", status="ACTIVE")
    Organization.objects.update(read_at=timezone.now())
    assert costs() == few


def test_ways_in_by_a_part_of_the_organisation_are_certain_once_it_is_known_who_is_in_which() -> None:
    estate()
    read = factories.organization(ACME, GLOBEX, INITECH)
    inner = factories.unit(read, "ou-ab12-11111111", ACME)
    factories.unit(read, "ou-ab12-22222222", GLOBEX)
    assert told(ACME) == {"organization": {"all", "part"}, "own": {"named", "spared", "plain"}}
    answer = access.ask(ACME, by=BY)
    assert not any(group.perhaps for group in answer.groups)
    assert any(f"It is in the unit {UNIT}, as read at" in one for one in answer.sentences)
    assert told(GLOBEX)["organization"] == {"all"}
    assert "organization-part" not in told(GLOBEX)
    assert told(INITECH)["organization-part"] == {"part"}, "which unit this one is in was not seen"
    assert told(f"arn:aws:iam::{ACME}:role/deploy")["organization"] == {"all", "part"}
    Organization.objects.update(units_failure="AWS did not answer in time.")
    assert told(ACME)["organization-part"] == {"part"}
    assert inner.path == UNIT


#: Who is asked about, where it is known to be, and whether the unit's statement lets it in.
PLACED = {
    "in the unit": (ACME, "ou-ab12-11111111", YES),
    "in another unit": (ACME, "ou-ab12-22222222", NO),
    "in no known unit": (ACME, "", DEPENDS),
    "in no organisation that is known": (INITECH, "", NO),
}


@pytest.mark.parametrize("case", PLACED)
def test_one_callers_answer_where_a_unit_is_demanded(case: str) -> None:
    caller, where, verdict = PLACED[case]
    function = factories.function("tax-rates", owner(), urls={})
    kept(function, {**allow("*"), "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{UNIT}*"}}})
    read = factories.organization(ACME)
    factories.unit(read, "ou-ab12-33333333")
    if where:
        factories.unit(read, where, caller)
    asked = access.question(by=BY, function=function.arn, principal=f"arn:aws:iam::{caller}:role/deploy")
    assert access.reason(asked, by=BY).verdict == verdict
    assert known().is_in(caller, f"{UNIT}*").value == verdict


def test_a_unit_beneath_belongs_to_those_above_and_one_named_without_its_last_slash_is_no_answer() -> None:
    read = factories.organization()
    outer = factories.unit(read, "ou-ab12-11111111")
    factories.unit(read, "ou-ab12-33333333", ACME, under=outer)
    table = {f"{UNIT}*": YES, UNIT: NO, f"{UNIT}ou-ab12-33333333/": YES, f"{UNIT}ou-ab12-33333333": DEPENDS}
    assert {path: known().is_in(ACME, path).value for path in table} == table


# The matrix


def view(platform: Account, who: str) -> dict[str, tuple[str, ...]]:
    asked = Asked(party=("account", who), through=True, members=known())
    seen = function_matrix.in_view(list(function_matrix.functions(platform, asked)), asked)
    return {form.function.name: form.cells[("account", who)].through for form in seen.forms if ("account", who) in form.cells}


def test_the_matrix_marks_what_a_member_gets_and_leaves_out_what_a_stranger_does_not() -> None:
    made = estate()
    factories.organization(ACME)
    platform = made["all"].account
    seen = view(platform, ACME)
    assert (seen["all"], seen["part"], seen.get("other", ())) == (("member",), ("organization",), ())
    seen = view(platform, INITECH)
    assert "all" not in seen
    assert "part" not in seen
    assert seen["other"] == ("organization",)
    factories.unit(Organization.objects.get(), "ou-ab12-22222222", ACME)
    assert "part" not in view(platform, ACME)
    Organization.objects.update(failure="No answer.")
    assert view(platform, INITECH)["all"] == ("organization",)


def test_a_cells_story_says_who_is_a_member() -> None:
    made = estate()
    factories.organization(ACME)
    pk = made["all"].policies.get().pk
    (also,) = story(pk, ("account", ACME), by=BY).also
    assert also.certain
    assert "as read at" in also.words
    assert story(pk, ("account", INITECH), by=BY).also == ()
    Organization.objects.update(failure="No answer.")
    (also,) = story(pk, ("account", INITECH), by=BY).also
    assert not also.certain


# Findings


def test_the_owners_own_organisation_is_no_stranger_while_it_is_known() -> None:
    made = estate()
    refreshing.refresh()
    of_all = Finding.objects.filter(function=made["all"], rule="unknown-account")
    assert of_all.get().state == "open"
    factories.organization(ACME, made["all"].account.number)
    refreshing.refresh()
    assert of_all.get().state == "closed"
    Organization.objects.update(read_at=timezone.now() - timedelta(days=3))
    refreshing.refresh()
    assert of_all.get().state == "open"
    assert not trusting.trust().organizations
