"""Counting who reaches how much of an owner account: right after every change, and never older than it says."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Count, Q, Sum
from django.utils import timezone

from sharing.aws.functions import ListedAlias, ListedFunction
from sharing.models import Account, Actor, Function, PartyTally, Policy, Tallied, Tally, TallyDue
from sharing.services import consumers, tallying
from sharing.services.access import account_matrix
from sharing.services.syncing import mark_unread
from sharing.services.syncing.keeping import keep_aliases, keep_listed, vanish_function
from sharing.tasks.reading import run_sync
from sharing.tasks.sweeping import sweep
from tests import factories
from tests.services.kept import ACME, GHOST, GLOBEX, ORGANIZATION, allow, counted, kept, owner

pytestmark = pytest.mark.django_db


def tally(account: Account, kind: str, principal: str) -> Tally | None:
    return Tally.objects.filter(account=account, kind=kind, principal=principal).first()


def functions(account: Account, kind: str, principal: str) -> int:
    found = tally(account, kind, principal)
    return found.functions if found else 0


@pytest.mark.parametrize(
    ("exposure", "party"),
    [
        (("account", ACME, ACME), ("account", ACME)),
        (("identity", f"arn:aws:iam::{ACME}:role/x", ACME), ("account", ACME)),
        (("identity", "arn:aws:iam::*:role/x", ""), ("identity", "arn:aws:iam::*:role/x")),
        (("everyone", "arn:aws:iam::*:role/x", ""), ("everyone", "*")),
        (("ghost", GHOST, ""), ("ghost", "*")),
        (("service", "s3.amazonaws.com", ACME), ("service", "s3.amazonaws.com")),
        (("organization", ORGANIZATION, ""), ("organization", ORGANIZATION)),
    ],
)
def test_roles_count_with_their_account_and_ghosts_together(exposure: tuple[str, str, str], party: tuple[str, str]) -> None:
    assert tallying.party_of(*exposure) == party


def test_a_function_counts_once_however_many_aliases_let_a_party_in() -> None:
    platform = owner()
    one, two = factories.function("one", platform), factories.function("two", platform)
    kept(one, allow(ACME), allow(f"arn:aws:iam::{ACME}:role/app"))
    kept(one, allow(ACME), qualifier="live")
    kept(two, allow(ACME, "UpdateFunctionCode"), allow("*"), allow("s3.amazonaws.com"))
    counted()
    acme = tally(platform, "account", ACME)
    assert acme is not None
    assert (acme.functions, acme.invoke, acme.manage, acme.not_safe) == (2, 1, 1, 0)
    everyone = tally(platform, "everyone", "*")
    assert everyone is not None
    assert (everyone.functions, everyone.public, everyone.not_safe) == (1, 1, 1)
    s3 = tally(platform, "service", "s3.amazonaws.com")
    assert s3 is not None
    assert (s3.open_service, s3.public) == (1, 0)
    whole = Tallied.objects.get(account=platform)
    assert (whole.functions, whole.reached, whole.invokable, whole.public, whole.open_service) == (2, 2, 2, 1, 1)


def test_what_depends_counts_as_not_safe() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow("*", StringLike={"aws:Mystery": "x*"}))
    counted()
    everyone = tally(platform, "everyone", "*")
    assert everyone is not None
    assert (everyone.public, everyone.depends, everyone.not_safe) == (0, 1, 1)
    assert Tallied.objects.get().depends == 1


def test_what_cannot_be_used_yet_counts_apart() -> None:
    platform = owner()
    kept(factories.function("one", platform, urls={}), allow(GHOST))
    counted()
    ghosts = tally(platform, "ghost", "*")
    assert ghosts is not None
    assert (ghosts.functions, ghosts.latent) == (0, 1)
    assert Tallied.objects.get().reached == 0


def test_the_owners_own_statements_reach_nobody_outside() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow(platform.number))
    counted()
    assert functions(platform, "account", platform.number) == 1
    assert Tallied.objects.get().reached == 0


def gone(function: Function) -> None:
    vanish_function(function.pk, timezone.now())


def alias_gone(function: Function) -> None:
    keep_aliases(Function.objects.prefetch_related("qualifiers").get(pk=function.pk), [], timezone.now())


def revoked(function: Function) -> None:
    kept(function)
    kept(function, qualifier="live")


@pytest.mark.parametrize(("change", "left"), [(gone, 0), (alias_gone, 0), (revoked, 0)])
def test_every_change_leaves_a_mark_and_is_counted(change: Any, left: int) -> None:
    platform = owner()
    function = factories.function("one", platform)
    kept(function, allow(ACME) if change is not alias_gone else allow(GLOBEX))
    kept(function, allow(ACME), qualifier="live")
    counted()
    assert not TallyDue.objects.exists()
    change(function)
    assert TallyDue.objects.filter(account=platform).exists()
    assert functions(platform, "account", ACME) == 1
    assert counted() == 1
    assert functions(platform, "account", ACME) == left
    assert not TallyDue.objects.exists()


def test_what_comes_back_is_counted_again() -> None:
    platform = owner()
    function = factories.function("one", platform)
    kept(function, allow(ACME))
    kept(function, allow(GLOBEX), qualifier="live")
    gone(function)
    counted()
    assert functions(platform, "account", ACME) == 0
    listed = ListedFunction("one", function.arn, "", "", "")
    keep_listed(platform, function.region, [listed], at=timezone.now(), first=False)
    fresh = Function.objects.prefetch_related("qualifiers").get(pk=function.pk)
    keep_aliases(fresh, [ListedAlias("live", "2")], timezone.now())
    assert counted() == 1
    assert (functions(platform, "account", ACME), functions(platform, "account", GLOBEX)) == (1, 1)


def test_what_is_not_readable_any_more_stays_in_every_count_marked_stale() -> None:
    platform = owner()
    function = factories.function("one", platform)
    policy = kept(function, allow("*"))
    counted()
    mark_unread(policy, "AWS denied lambda:GetPolicy.", timezone.now())
    assert counted() == 1
    everyone = tally(platform, "everyone", "*")
    assert everyone is not None
    assert (everyone.functions, everyone.public, everyone.stale) == (1, 1, 1)
    assert Tallied.objects.get().stale == 1
    kept(function, allow("*"))
    assert counted() == 1
    assert Tallied.objects.get().stale == 0


def test_what_was_never_read_is_unread_and_not_empty() -> None:
    platform = owner()
    Policy.objects.create(function=factories.function("one", platform), qualifier="live")
    counted()
    whole = Tallied.objects.get()
    assert (whole.unread, whole.unlooked) == (1, 1)


def test_a_change_during_the_count_is_counted_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = owner()
    function = factories.function("one", platform)
    kept(function, allow(ACME))
    real = tallying._functions

    def late(account: Account) -> dict[str, int]:
        found = real(account)
        kept(function, allow(GLOBEX))  # after the rows were read
        return found

    monkeypatch.setattr(tallying, "_functions", late)
    tallying.count(platform)
    monkeypatch.setattr(tallying, "_functions", real)
    assert functions(platform, "account", ACME) == 1
    assert tallying.behind([platform]) is not None
    assert counted() == 1
    assert (functions(platform, "account", ACME), functions(platform, "account", GLOBEX)) == (0, 1)
    assert tallying.behind([platform]) is None


def test_an_older_count_never_replaces_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = owner()
    function = factories.function("one", platform)
    kept(function, allow(ACME))
    real = tallying._functions

    def overtaken(account: Account) -> dict[str, int]:
        found = real(account)
        monkeypatch.setattr(tallying, "_functions", real)
        kept(function, allow(GLOBEX))
        tallying.count(account)
        return found

    monkeypatch.setattr(tallying, "_functions", overtaken)
    tallying.count(platform)
    assert (functions(platform, "account", ACME), functions(platform, "account", GLOBEX)) == (0, 1)


def test_the_sweep_counts_and_accounts_that_were_never_counted_too() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow(ACME))
    TallyDue.objects.all().delete()
    sweep()
    assert functions(platform, "account", ACME) == 1
    assert counted() == 0


@pytest.mark.parametrize(("unfinished", "left"), [(True, 0), (False, 1)])
def test_the_end_of_a_sync_is_counted_at_once(monkeypatch: pytest.MonkeyPatch, unfinished: bool, left: int) -> None:
    platform = owner()
    kept(factories.function("one", platform), allow(ACME))
    monkeypatch.setattr("sharing.tasks.reading.syncing.run", lambda *_, **__: unfinished)
    monkeypatch.setattr("sharing.tasks.reading.soon", lambda *_, **__: None)
    run_sync("6b6a0a3e-53b1-4d6c-9a4e-0d6a4c0f5a11")
    assert functions(platform, "account", ACME) == left


def test_pages_are_told_since_when_counts_are_behind() -> None:
    platform, other = owner(), owner("Other")
    before = timezone.now() - timedelta(minutes=3)
    TallyDue.objects.create(account=platform, at=before)
    TallyDue.objects.create(account=platform)
    assert tallying.behind([platform, other]) == before
    assert tallying.behind([other]) is None


def test_what_every_party_has_in_all_accounts_is_what_its_tallies_add_up_to() -> None:
    """After a first count, a change, a way that goes, and an account that is let into its own functions."""
    platform, data = owner("Platform"), owner("Data")
    one, two = factories.function("one", platform), factories.function("two", data)
    names = ("functions", "not_safe", "depends", "latent", "stale")
    sums = {**{f"all_{name}": Sum(name) for name in names}, "owners": Count("pk"), "ways": Count("pk", filter=Q(invokes=True))}

    def agree() -> set[str]:
        counted()
        for every in (account_matrix.owners(by=Actor.system()), [platform], [data]):
            both = list(every)
            rows = Tally.objects.filter(account__in=both)
            assert account_matrix.many_parties(both) == dict(
                rows.order_by().values_list("kind").annotate(many=Count("principal", distinct=True))
            )
            assert account_matrix.widest(both, 9) == list(account_matrix.parties(both)[:9])
            ways = rows.filter(invokes=True, kind="account")
            assert account_matrix.facts(both).accounts == ways.values("principal").distinct().count()
        found = PartyTally.objects.order_by("kind", "principal").values_list("kind", "principal", *names, "owners", "invoking")
        adding: Any = Tally.objects.order_by("kind", "principal").values("kind", "principal").annotate(**sums)
        assert list(found) == list(adding.values_list("kind", "principal", *sums))
        for row in Tallied.objects.all():
            of = Tally.objects.filter(account=row.account).order_by().values_list("kind").annotate(Count("pk"), Sum("not_safe"))
            assert row.kinds == {kind: [many, unsafe] for kind, many, unsafe in of}
        everybody, some = consumers.listed(by=Actor.system()), Actor.of(factories.person("owner", accounts=[platform, data]))
        assert {item.number: item.reach for item in everybody} == {
            item.number: item.reach for item in consumers.listed(by=some)
        }
        return {item.number for item in everybody}

    kept(one, allow(ACME), allow("*"), allow(platform.number))
    kept(two, allow(ACME), allow(GLOBEX), allow("s3.amazonaws.com"), allow(ORGANIZATION))
    assert {ACME, GLOBEX} <= agree()
    kept(two, allow(platform.number), allow("*", StringLike={"aws:Mystery": "x*"}))
    assert GLOBEX not in agree()
    vanish_function(one.pk, timezone.now())
    assert ACME not in agree()


def test_what_is_taken_off_sums_that_do_not_have_it_yet_makes_no_consumer() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow(platform.number), allow(ACME))
    counted()
    PartyTally.objects.filter(principal=platform.number).delete()
    assert {one.number for one in consumers.listed(by=Actor.system())} == {ACME}


def test_accounts_without_functions_do_not_keep_the_sums_from_being_those_of_everybody() -> None:
    """A restore has all accounts counted, those of consumers as well."""
    platform, consumer = owner(), factories.account()
    kept(factories.function("one", platform), allow(ACME))
    tallying.note(consumer.pk)
    counted()
    assert Tallied.objects.filter(account=consumer).exists()
    assert account_matrix.are_all([platform])
    Tallied.objects.create(account=owner("Data"))  # its first count is under way
    assert not account_matrix.are_all([platform])


def test_tallies_that_are_as_they_were_are_left_alone() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow(ACME), allow(GLOBEX))
    counted()
    before = dict(Tally.objects.values_list("principal", "pk"))
    kept(factories.function("two", platform), allow(GLOBEX))
    counted()
    after = dict(Tally.objects.values_list("principal", "pk"))
    assert before[ACME] == after[ACME]
    assert before[GLOBEX] != after[GLOBEX]
