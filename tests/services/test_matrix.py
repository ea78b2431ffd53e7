"""The matrix: who stands in which cell, how widely, proved or not, and the story of a cell."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sharing.models import Account, Actor, Check, CheckState, Function, Grant, GrantState, Policy, Trusted, Verdict
from sharing.services import places, trusting
from sharing.services.access import account_matrix, function_matrix
from sharing.services.access.blind_spots import ALWAYS, blind_spots
from sharing.services.access.cells import Cell, ForAll, Key
from sharing.services.access.function_matrix import MOST_FORMS, Asked, Form, InView
from sharing.services.access.parties import parse_key
from sharing.services.access.story import story
from sharing.services.errors import NotFound
from sharing.services.syncing import mark_unread
from sharing.services.trusting import Trust
from tests import factories
from tests.services.kept import ACME, GHOST, GLOBEX, INITECH, ORGANIZATION, allow, counted, kept, owner

pytestmark = pytest.mark.django_db

ROLE = f"arn:aws:iam::{ACME}:role/app"
CHECKER = f"arn:aws:iam::{ACME}:role/fnshare-checker"


def view(account: Account, **asked: Any) -> InView:
    wanted = Asked(**asked)
    page = list(function_matrix.functions(account, wanted))
    for function in page:
        function.account = account
    return function_matrix.in_view(page, wanted)


def form(seen: InView, name: str, qualifier: str = "") -> Form:
    return next(one for one in seen.forms if (one.function.name, one.policy.qualifier) == (name, qualifier))


def cell(seen: InView, name: str, key: Key, qualifier: str = "") -> Cell:
    return form(seen, name, qualifier).cells[key]


def names(seen: InView) -> list[tuple[str, str]]:
    return [(one.function.name, one.policy.qualifier) for one in seen.forms]


@pytest.mark.parametrize(
    ("statement", "key", "expected"),
    [
        (allow(ACME), ("account", ACME), {"widest": "invoke", "safe": True, "public": "no"}),
        (allow(ROLE), ("identity", ROLE), {"widest": "invoke", "safe": True}),
        (allow(ACME, "GetFunction"), ("account", ACME), {"widest": "read", "safe": True}),
        (allow(ACME, "UpdateFunctionCode"), ("account", ACME), {"widest": "manage", "safe": True}),
        (allow(ORGANIZATION), ("organization", ORGANIZATION), {"widest": "invoke", "safe": True}),
        (allow("*"), ("everyone", "*"), {"widest": "invoke", "public": "yes", "safe": False}),
        (allow("*", "GetFunction"), ("everyone", "*"), {"widest": "read", "public": "yes", "safe": False}),
        (allow("*", StringLike={"aws:Mystery": "x"}), ("everyone", "*"), {"public": "depends", "depends": True, "safe": False}),
        (allow("sns.amazonaws.com"), ("service", "sns.amazonaws.com"), {"open_service": "yes", "safe": False}),
        (allow(GHOST), ("ghost", GHOST), {"usable": False, "latent": ("invoke",), "provable": False}),
    ],
)
def test_a_cell_holds_the_widest_and_whether_it_is_safe(statement: Any, key: Key, expected: dict[str, Any]) -> None:
    platform = owner()
    kept(factories.function("one", platform), statement)
    found = cell(view(platform), "one", key)
    assert {name: getattr(found, name) for name in expected} == expected


def test_each_form_has_a_row_of_its_own_and_a_function_that_lets_nobody_in_a_quiet_one() -> None:
    platform = owner()
    one, two = factories.function("one", platform), factories.function("two", platform)
    kept(one)
    kept(one, allow(ACME), qualifier="live")
    kept(one, allow(GLOBEX), qualifier="3")
    seen = view(platform)
    assert names(seen) == [("one", "live"), ("one", "3"), ("two", "")]
    assert form(seen, "one", "live").words == "alias live → version 1"
    assert not form(seen, "two").cells
    assert two.policies.count() == 1


def test_forms_beyond_a_few_are_folded_with_their_number() -> None:
    platform = owner()
    function = factories.function("one", platform)
    for number in range(MOST_FORMS + 3):
        kept(function, allow(ACME), qualifier=str(number + 1))
    seen = view(platform)
    assert len(seen.forms) == MOST_FORMS
    assert seen.forms[-1].folded == 3


def test_columns_are_everybody_in_view_the_widest_kinds_first_and_roles_after_their_account() -> None:
    platform = owner()
    one, two = factories.function("one", platform), factories.function("two", platform)
    kept(one, allow(GLOBEX), allow(ROLE), allow("s3.amazonaws.com"), allow(ORGANIZATION))
    kept(two, allow(ACME), allow(ROLE), allow("*"))
    assert [key[:2] for key in view(platform).columns] == [
        ("everyone", "*"),
        ("organization", ORGANIZATION),
        ("service", "s3.amazonaws.com"),
        ("account", ACME),
        ("identity", ROLE),
        ("account", GLOBEX),
    ]


def test_a_deny_is_shown_as_deny_beside_what_is_left_and_where_nothing_is() -> None:
    platform = owner()
    deny = allow(f"arn:aws:iam::{GLOBEX}:role/batch", effect="Deny")
    function = factories.function("one", platform)
    kept(function, allow(GLOBEX), allow(ACME), deny, allow(INITECH, effect="Deny"))
    seen = view(platform)
    batch = cell(seen, "one", ("identity", f"arn:aws:iam::{GLOBEX}:role/batch"))
    assert (batch.denied, batch.usable) == (True, False)
    assert not cell(seen, "one", ("account", GLOBEX)).denied
    assert cell(seen, "one", ("account", INITECH)).denied
    assert ("account", INITECH, INITECH) in seen.columns


def test_a_deny_for_everybody_or_all_but_some_stands_with_the_row() -> None:
    platform = owner()
    kept(
        factories.function("one", platform),
        allow(ACME),
        allow("*", "*", effect="Deny", Bool={"aws:SecureTransport": "false"}),
        {"Effect": "Deny", "NotPrincipal": {"AWS": f"arn:aws:iam::{ACME}:root"}, "Action": "lambda:DeleteAlias"},
    )
    assert form(view(platform), "one").denies.for_all == (
        ForAll(1, spares=False, conditional=True),
        ForAll(2, spares=True, conditional=False),
    )


def test_unread_is_not_empty_and_what_is_not_readable_any_more_is_stale() -> None:
    platform = owner()
    one, two = factories.function("one", platform), factories.function("two", platform)
    mark_unread(kept(one, allow(ACME)), "AWS denied lambda:GetPolicy.", timezone.now())
    mark_unread(two.policies.get(), "AWS denied lambda:GetPolicy.", timezone.now() + timedelta(seconds=1))
    seen = view(platform)
    assert form(seen, "one").stale
    assert cell(seen, "one", ("account", ACME)).stale
    assert form(seen, "two").unread
    assert not form(seen, "two").stale


def test_what_is_gone_from_aws_is_not_in_the_matrix() -> None:
    platform = owner()
    one, two = factories.function("one", platform), factories.function("two", platform)
    kept(one, allow(ACME))
    kept(one, allow(GLOBEX), qualifier="live")
    Policy.objects.filter(function=one, qualifier="live").update(vanished_at=timezone.now())
    Function.objects.filter(pk=two.pk).update(vanished_at=timezone.now())
    assert names(view(platform)) == [("one", "")]


def granted(on: Function, **fields: Any) -> Grant:
    fields = {"verdict": Verdict.ALLOWED, "verdict_principal": CHECKER, "checked_at": timezone.now(), **fields}
    return factories.grant(on, ACME, **fields)


@pytest.mark.parametrize(
    ("fields", "proved"),
    [
        ({}, True),
        ({"ends_at": timezone.now() + timedelta(days=1)}, True),
        ({"ends_at": timezone.now() - timedelta(minutes=1)}, False),
        ({"verdict": Verdict.DENIED}, False),
        ({"verdict": Verdict.NOT_TRIED}, False),
        ({"verdict": ""}, False),
        ({"state": GrantState.REVOKING}, False),
        ({"state": GrantState.REVOKED}, False),
        ({"wanted": "absent"}, False),
    ],
)
def test_told_is_not_proved_and_a_proof_holds_as_long_as_its_grant(fields: dict[str, Any], proved: bool) -> None:
    platform = owner()
    one = factories.function("one", platform)
    kept(one, allow(ACME), allow(GLOBEX))
    granted(one, **fields)
    seen = view(platform)
    assert cell(seen, "one", ("account", ACME)).proved is proved
    assert not cell(seen, "one", ("account", GLOBEX)).proved


def checked(policy: Policy, verdict: str, *, at: Any = None) -> None:
    account = Account.objects.filter(number=ACME).first() or factories.account("Acme", ACME)
    connection = account.connections.first() or factories.connection(account, "checker")
    Check.objects.create(
        policy=policy,
        connection=connection,
        occasion="click",
        state=CheckState.DONE,
        asked_as=ACME,
        principal=CHECKER,
        verdict=verdict,
        requested_as="somebody",
        done_at=at or timezone.now(),
    )


def test_a_check_of_a_found_statement_proves_it_until_the_policy_changes_or_a_later_one_is_denied() -> None:
    platform = owner()
    one = factories.function("one", platform)
    policy = kept(one, allow(ACME))
    checked(policy, Verdict.ALLOWED, at=timezone.now() - timedelta(days=1))  # before this content
    assert not cell(view(platform), "one", ("account", ACME)).proved
    checked(policy, Verdict.ALLOWED)
    proof = cell(view(platform), "one", ("account", ACME)).proof
    assert proof is not None
    assert proof.principal == CHECKER
    checked(policy, Verdict.DENIED)
    assert not cell(view(platform), "one", ("account", ACME)).proved
    checked(policy, Verdict.ALLOWED)
    kept(one, allow(ACME), allow(GLOBEX))
    assert not cell(view(platform), "one", ("account", ACME)).proved


def test_filters_leave_out_rows_and_cells() -> None:
    platform = owner()
    one, two = factories.function("one", platform), factories.function("two", platform, "eu-west-1")
    kept(one, allow(ACME), allow("*"))
    kept(two, allow(GLOBEX))
    factories.function("three", platform)
    granted(one)
    assert names(view(platform, region="eu-west-1")) == [("two", "")]
    assert names(view(platform, text="TW")) == [("two", "")]
    assert names(view(platform, show="reached")) == [("one", ""), ("two", "")]
    unsafe = view(platform, show="unsafe")
    assert names(unsafe) == [("one", "")]
    assert [key[:2] for key in unsafe.columns] == [("everyone", "*")]
    assert [key[:2] for key in view(platform, kind="account", text="one").columns] == [("account", ACME)]
    assert ("account", ACME, ACME) not in view(platform, unproved=True).columns
    assert [key[:2] for key in view(platform, party=("account", GLOBEX)).columns] == [("account", GLOBEX)]


def test_what_depends_is_among_what_is_not_safe() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow("*", StringLike={"aws:Mystery": "x"}))
    assert names(view(platform, show="unsafe")) == [("one", "")]


def test_an_account_is_shown_with_its_roles_and_on_demand_with_what_everyone_and_organisations_get() -> None:
    platform = owner()
    one, two, three = (factories.function(name, platform) for name in ("one", "two", "three"))
    kept(one, allow(ROLE))
    kept(two, allow("*"))
    kept(three, allow(ORGANIZATION))
    asked = {"party": ("account", ACME)}
    assert names(view(platform, **asked)) == [("one", "")]
    seen = view(platform, **asked, through=True)
    assert [name for name, _ in names(seen)] == ["one", "three", "two"]
    assert cell(seen, "two", ("account", ACME)).through == ("everyone",)
    assert cell(seen, "three", ("account", ACME)).through == ("organization",)
    assert not cell(seen, "two", ("account", ACME)).usable
    assert function_matrix.also_as_everyone(platform, ("account", ACME)) == 1


def test_a_role_is_counted_by_itself_and_an_account_with_its_roles() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow(ROLE), allow(GHOST))
    kept(factories.function("two", platform), allow(ACME))
    reached = function_matrix.reached_by(platform, ("identity", ROLE))
    assert (reached.functions, reached.not_safe, reached.latent) == (1, 0, 0)
    assert function_matrix.reached_by(platform, ("account", ACME)).functions == 2
    assert function_matrix.reached_by(platform, ("ghost", "*")).latent == 1
    assert function_matrix.reached_by(platform, ("account", INITECH)).functions == 0


def test_what_nobody_can_use_yet_lets_no_account_in_as_everyone() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow("*", "Invoke"), allow(ACME))
    seen = view(platform, through=True)
    assert cell(seen, "one", ("account", ACME)).through == ()
    assert function_matrix.also_as_everyone(platform, ("account", ACME)) == 0


def test_trust_colours_columns_and_hides_nothing() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow(ACME), allow(GLOBEX), allow(platform.number), allow(ORGANIZATION))
    trust = Trust(frozenset({ACME}), frozenset({ORGANIZATION}))
    parties = function_matrix.named(view(platform).columns, owner=platform, trust=trust)
    assert {one.principal: one.zone for one in parties} == {
        ORGANIZATION: "trusted",
        ACME: "trusted",
        GLOBEX: "outside",
        platform.number: "owner",
    }


class TestAccounts:
    def rows(self, *owners: Account, **asked: Any) -> dict[str, list[int | None]]:
        counted()
        found = account_matrix.rows(account_matrix.parties(owners, **asked), owners, trust=trusting.trust())
        return {row.party.label: [one.functions if one else None for _, one in row.tallies] for row in found}

    def test_parties_stand_by_owner_accounts_with_counts(self) -> None:
        platform, shop = owner("Platform"), owner("Shop")
        factories.account("Acme Retail", ACME)
        kept(factories.function("one", platform), allow(ACME), allow("*"), allow(ORGANIZATION), allow("s3.amazonaws.com"))
        kept(factories.function("two", platform), allow(ROLE), allow(GLOBEX))
        kept(factories.function("three", shop), allow(GLOBEX), allow(GHOST))
        assert list(self.rows(platform, shop).items()) == [
            ("Everyone", [1, None]),
            (f"Organisation {ORGANIZATION}", [1, None]),
            ("Ghosts: deleted roles and users", [None, 0]),
            ("Amazon S3", [1, None]),
            ("Acme Retail", [2, None]),
            (f"Account {GLOBEX}", [1, 1]),
        ]
        assert list(self.rows(platform, shop, text="acme")) == ["Acme Retail"]
        assert list(self.rows(platform, shop, unsafe=True)) == ["Everyone", "Amazon S3"]
        assert list(self.rows(platform, kind="organization")) == [f"Organisation {ORGANIZATION}"]

    def test_only_owner_accounts_in_scope_are_there(self) -> None:
        platform, shop = owner("Platform"), owner("Shop")
        factories.function("one", platform)
        factories.function("two", shop)
        auditor = Actor.of(factories.person("auditor", accounts=[shop]))
        assert list(account_matrix.owners(by=auditor)) == [shop]
        inactive = factories.person("admin", is_active=False)
        assert not account_matrix.owners(by=Actor.of(inactive)).exists()

    def test_facts_count_accounts_that_can_invoke_and_functions_of_the_accounts_asked_about(self) -> None:
        platform, shop = owner("Platform"), owner("Shop")
        kept(factories.function("one", platform), allow(ACME), allow("*"), allow(GLOBEX, "GetFunction"))
        kept(factories.function("two", platform), allow(platform.number))
        kept(factories.function("three", shop), allow(ACME), allow(GLOBEX))
        counted()
        facts = account_matrix.facts([platform])
        assert (facts.accounts, facts.functions, facts.reached, facts.invokable, facts.public) == (1, 2, 1, 1, 1)
        assert account_matrix.facts([platform, shop]).accounts == 2
        kept(factories.function("four", shop), allow(INITECH))
        assert account_matrix.facts([shop]).behind is not None
        assert account_matrix.facts([platform]).behind is None


class TestBlindSpots:
    def test_are_never_empty_and_say_what_was_not_read(self) -> None:
        platform = owner()
        factories.function("one", platform, details_read_at=timezone.now())
        counted()
        said = blind_spots([platform], account_matrix.facts([platform]))
        assert said == ["Not read yet: Platform us-east-1.", ALWAYS]

    def test_name_what_was_not_counted_and_accounts_that_are_not_connected(self) -> None:
        platform, paused = owner(), owner("Paused")
        paused.connections.update(state="paused")
        platform.connections.update(enabled_regions=["us-east-1", "eu-north-1"])
        places.chosen(platform.connections.get())
        Policy.objects.create(function=factories.function("one", platform), qualifier="live")
        said = " ".join(blind_spots([platform, paused], account_matrix.facts([platform, paused])))
        assert "2 owner accounts not counted yet" in said
        assert "Not connected now, so not read again: Paused." in said
        assert "Platform eu-north-1" in said
        counted()
        said = " ".join(blind_spots([platform, paused], account_matrix.facts([platform, paused])))
        assert "1 function with a policy that could never be read" in said
        assert "versions were not read yet for 1 function" in said


class TestStory:
    def test_names_the_deciding_statements_conditions_and_proof(self) -> None:
        platform = owner()
        one = factories.function("one", platform)
        policy = kept(one, allow(GLOBEX), allow(ACME), allow(ACME, "GetFunction"), allow("*"))
        granted(one, sid="s1")
        Trusted.objects.create(kind="account", value=ACME, added_as="x")
        found = story(policy.pk, ("account", ACME), by=Actor.system())
        assert [row.sid for row in found.statements] == ["s1", "s2"]
        assert found.statements[0].grant is not None
        assert found.cell.proved
        assert found.party.zone == "trusted"
        assert found.actions == ("lambda:InvokeFunction", "lambda:GetFunction")
        assert [(one.party.principal, one.certain) for one in found.also] == [("*", True)]
        assert not found.denying

    def test_says_on_what_it_depends_and_what_is_missing(self) -> None:
        platform = owner()
        policy = kept(factories.function("one", platform), allow("*", StringLike={"aws:Mystery": "x"}), allow(GHOST))
        assert story(policy.pk, ("everyone", "*"), by=Actor.system()).depends_on
        assert story(policy.pk, ("ghost", GHOST), by=Actor.system()).missing

    def test_shows_denies_that_name_it_its_account_or_everybody(self) -> None:
        platform = owner()
        policy = kept(
            factories.function("one", platform),
            allow(ROLE),
            allow(ROLE, "GetFunction", effect="Deny"),
            allow(ACME, "GetAlias", effect="Deny"),
            allow("*", "DeleteAlias", effect="Deny"),
            allow(GLOBEX, effect="Deny"),
        )
        found = story(policy.pk, ("identity", ROLE), by=Actor.system())
        assert [row.sid for row in found.denying] == ["s1", "s2", "s3"]
        assert [row.sid for row in found.statements] == ["s0"]

    def test_of_somebody_no_statement_names_is_empty_and_says_so(self) -> None:
        platform = owner()
        policy = kept(factories.function("one", platform), allow(ACME))
        found = story(policy.pk, ("account", INITECH), by=Actor.system())
        assert not found.statements
        assert not found.cell.usable

    def test_out_of_scope_or_gone_there_is_none(self) -> None:
        platform, shop = owner("Platform"), owner("Shop")
        policy = kept(factories.function("one", platform), allow(ACME))
        auditor = Actor.of(factories.person("auditor", accounts=[shop]))
        with pytest.raises(NotFound):
            story(policy.pk, ("account", ACME), by=auditor)
        Function.objects.update(vanished_at=timezone.now())
        with pytest.raises(NotFound):
            story(policy.pk, ("account", ACME), by=Actor.system())


@pytest.mark.parametrize("text", ["", "account", "account:", ":x", "nobody:x", "\x00:\x00", "password:1"])
def test_an_address_that_names_nobody_is_ignored(text: str) -> None:
    assert parse_key(text) is None


def test_an_address_names_a_party_whatever_colons_it_holds() -> None:
    assert parse_key(f"identity:{ROLE}") == ("identity", ROLE)
    assert parse_key("everyone:*") == ("everyone", "*")
