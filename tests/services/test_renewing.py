"""What is kept by rules of another version: said to be old, made anew by a worker, and a reminder to count the version up."""

import hashlib
import itertools
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Exposure,
    FindingPass,
    Function,
    KeptWaker,
    LayerExposure,
    LayerVersion,
    Mapping,
    Mention,
    PartyTally,
    Policy,
    Renewal,
    Role,
    TallyDue,
    WakingDue,
)
from sharing.policy import FunctionArn, exposures, findings, parse
from sharing.policy.findings import Facts, of_policy
from sharing.policy.layers import LayerArn, let_in
from sharing.services import gaps, tallying, waking, widths
from sharing.services.findings import refreshing
from sharing.services.layers import storing as layer_storing
from sharing.services.renewing import telling, working
from sharing.services.renewing.telling import MARK, SENTENCE, VERSIONS
from sharing.services.syncing.mentioned import mentioned
from sharing.services.syncing.reach import reduced
from sharing.tasks.renewing import renew_kept
from sharing.tasks.sweeping import sweep
from tests import factories
from tests.policy import documents as d
from tests.services.kept import GLOBEX, allow, counted, kept, owner

#: By what is kept, what each version of its rules yields of the corpus below. A digest that is not here: the rules yield
#: something else by now. Count the VERSION beside them up and add a line; lines that stand here are never changed.
YIELDS: Final[dict[str, dict[int, str]]] = {
    "exposures": {1: "4bf2ff696d40f394"},
    "layers": {1: "cbf87fc7f9229851"},
    "mentions": {1: "db10e824694dce5f"},
    "tallies": {1: "c448d7f78395ff87"},
    "wakers": {1: "0b475e71127b472a"},
    "findings": {1: "d703b2e5af4f80ec"},
}
#: The same of what functions keep of their policies, by the version of what wakes them: both are kept at once.
WIDTHS: Final = {1: "304f9b192b989bf6"}
URL = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
CORPUS: Final = [
    d.policy(d.allow()),
    d.policy(d.allow({"AWS": d.role()}), d.allow("*", {"StringEquals": {"aws:PrincipalOrgID": d.ORG}})),
    d.policy(d.allow("*"), d.allow(d.service(), Sid="open")),
    d.policy(d.allow(d.service("sns"), {"ArnLike": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{d.ACME}:orders"}})),
    d.policy(d.allow(d.service("events"), {"StringEquals": {"AWS:SourceAccount": d.GLOBEX}}), d.allow(Action="lambda:Get*")),
    d.policy(d.allow("*", URL, Action=d.INVOKE_URL), d.allow("*", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, Sid="b")),
    d.policy(d.allow({"AWS": "AROAEXAMPLE7Q2LKXABC"}), d.allow(d.root(d.STRANGER), Action="lambda:UpdateFunctionCode")),
    d.policy(d.allow(), d.deny(condition={"StringNotEquals": {"aws:PrincipalOrgID": d.ORG}})),
    d.policy(d.allow("*", {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), d.allow(Sid=None), d.allow(Resource="*", Sid="w")),
    d.policy(d.allow({"AWS": [d.ACME, d.GLOBEX], "Service": "s3.amazonaws.com"}), d.allow({"Federated": "example.com"})),
    d.policy(d.allow(NotPrincipal=d.root(), Principal=None), d.allow(NotAction="lambda:Invoke*", Action=None), version=None),
]


def digest(found: Any) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()[:16]


def rows() -> list[Exposure]:
    """What is kept of the corpus, each document on a function of its own, unsaved."""
    found = []
    for number, document in enumerate(CORPUS):
        account = Account(id=uuid.UUID(int=1), number=d.OWNER, name="Platform")
        function = Function(
            id=uuid.UUID(int=number), account=account, arn=d.F, name="f", urls={"": "NONE"} if number % 2 else {}
        )
        found += reduced(Policy(id=uuid.UUID(int=number), function=function), parse(json.dumps(document)))
    return found


def as_exposures() -> Any:
    return [[getattr(one, field.attname) for field in Exposure._meta.concrete_fields] for one in rows()]


def as_layers() -> Any:
    arn = LayerArn("aws", "us-east-1", d.OWNER, "image-tools", 2)
    statements: list[dict[str, Any]] = [
        {"Sid": "a", "Principal": d.root()},
        {"Sid": "b", "Principal": "*"},
        {"Sid": "c", "Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": d.ORG}}},
        {"Sid": "d", "Principal": d.ACME, "Effect": "Deny"},
        {"Sid": "e", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ]
    told = [{"Effect": "Allow", "Action": "lambda:GetLayerVersion", "Resource": str(arn), **one} for one in statements]
    document = parse(json.dumps({"Version": "2012-10-17", "Statement": told}))
    made = [layer_storing._row(LayerVersion(id=uuid.UUID(int=1)), one) for one in let_in(document, arn)]
    return [[getattr(one, field.attname) for field in LayerExposure._meta.concrete_fields] for one in made]


def as_mentions() -> Any:
    return [sorted(mentioned(json.dumps(document), d.OWNER)) for document in CORPUS]


def as_tallies() -> Any:
    whole = tallying.Whole()
    for one in rows():
        unread = timezone.now() if one.policy_id.int % 4 == 3 else None
        whole.add(
            one.policy.function_id, one.kind, one.principal, one.account, one.action_class,
            one.public, one.external, one.open_service, one.latent, unread,
        )  # fmt: skip
    parties = {" ".join(key): party.counts() for key, party in whole.parties.items()}
    return [parties, whole.kinds(), whole.facts(d.OWNER)]


def as_findings() -> Any:
    found: list[Any] = []
    for number, document in enumerate(CORPUS):
        read, arn, url = parse(json.dumps(document)), FunctionArn.parse(d.F), "NONE" if number % 2 else None
        into = tuple(exposures(read, function_arn=arn, owner_account=d.OWNER, url_auth=url))
        judged = of_policy(Facts(read, arn, d.OWNER, into, url, 20_000, known={d.OWNER, d.ACME}, trusted_organizations=set()))
        found += [[number, one.rule, one.severity, one.text, one.key, one.cause, one.certain] for one in judged.values()]
    return sorted(found, key=str)


def as_wakers() -> Any:
    platform = owner()
    for number, document in enumerate(CORPUS):
        function = factories.function(f"f{number}", platform, urls={"": "NONE"} if number % 2 else {})
        kept(function, *({key: value for key, value in one.items() if key != "Sid"} for one in document["Statement"]))
        source = f"arn:aws:sqs:us-east-1:{d.ACME}:queue-{number}"
        if number % 3 == 0:
            state = ("Enabled", "Disabled", "Creating", "Enabled")[number // 3]
            Mapping.objects.create(function=function, source_arn=source, source_account=d.ACME, state=state, last_result="OK")
    waking.keep_due(seconds=60)
    columns = ("name", "place", "way", "kind", "whose", "problems", "worst", "source", "words", "qualifier")
    aside = ("arn", "policy", "grant", "mapping", "wiring", "stuck_since")  # keys and moments
    found = []
    for one in KeptWaker.objects.order_by("name", "place"):
        rest = {name: value for name, value in one.rest.items() if name not in aside}
        told = {name: getattr(one, name) for name in columns} | {"rest": rest, "with": sorted(set(one.rest) & set(aside))}
        found.append(json.loads(json.dumps(told).replace(platform.number, "THE OWNER")))
    return found


def as_widths() -> Any:
    """What functions keep of their policies: of one with each set of answers, of all of these together, and of none."""
    answers = ("no", "depends", "yes")
    facts = list(itertools.product(answers, answers, answers, (False, True)))
    return [widths.together(found) for found in ([], facts, *([one] for one in facts))]


MADE: Final[dict[str, Callable[[], Any]]] = {
    "exposures": as_exposures,
    "layers": as_layers,
    "mentions": as_mentions,
    "tallies": as_tallies,
    "wakers": as_wakers,
    "findings": as_findings,
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", list(VERSIONS))
def test_rules_that_yield_something_else_have_another_version(name: str) -> None:
    found = digest(MADE[name]())
    version = VERSIONS[name]
    assert YIELDS[name].get(version) == found, (
        f"What is kept as {name} is something else by now: count its VERSION up, beside the rules, and add {version + 1}: "
        f'"{found}" to YIELDS. What installations keep is then made anew.'
    )
    assert sorted(YIELDS[name]) == list(range(1, version + 1))
    assert len(set(YIELDS[name].values())) == version, "two versions that yield the same"


def test_what_functions_keep_of_their_policies_has_the_version_of_what_wakes_them() -> None:
    found = digest(as_widths())
    assert WIDTHS.get(waking.VERSION) == found, (
        f"Widths are something else by now: count waking.VERSION up (services/waking/keeping.py, which keeps them) and add "
        f'{waking.VERSION + 1}: "{found}" to WIDTHS.'
    )


# What happens after an upgrade


@pytest.fixture
def old() -> Renewal:
    """An installation whose rows are all of unknown rules."""
    return Renewal.objects.create(pk=1)


def done() -> int:
    """As many slices as it takes."""
    for turn in range(1, 60):
        if not working.renew(seconds=0):
            return turn
    raise AssertionError("It never ends.")


@pytest.mark.django_db
def test_an_installation_that_began_with_these_rules_has_nothing_to_make_anew(client: Client) -> None:
    assert not working.due(timezone.now())
    assert Renewal.objects.get().mark == MARK
    assert gaps.summary(Actor.system()) == ("Coverage: no region is read.",)
    client.force_login(factories.person(Role.OWNER))
    assert SENTENCE not in client.get("/functions/").content.decode()


@pytest.mark.django_db
def test_until_it_is_made_anew_every_page_and_export_says_so(client: Client, old: Renewal) -> None:
    factories.connection(factories.account())
    for role in (Role.OWNER, Role.CONSUMER):
        client.force_login(factories.person(role))
        page = client.get("/functions/" if role == Role.OWNER else "/shared/").content.decode()
        assert SENTENCE in page
    assert SENTENCE in gaps.summary(Actor.system())
    client.force_login(factories.person(Role.OWNER))
    assert SENTENCE in b"".join(client.get("/settings/coverage/export/?format=csv")).decode()
    Renewal.objects.update(mark=MARK.replace("-1", "-0"))
    assert SENTENCE in client.get("/mappings/").content.decode(), "older rules"
    Renewal.objects.update(mark=MARK)
    assert SENTENCE not in client.get("/mappings/").content.decode()
    assert telling.said() == ()


@pytest.mark.django_db
def test_a_worker_makes_everything_anew_slice_by_slice(old: Renewal) -> None:
    platform = owner()
    right, wrong = factories.function("right", platform), factories.function("wrong", platform)
    as_it_is, other = kept(right, allow(d.ACME)), kept(wrong, allow(GLOBEX))
    refreshing.refresh()
    counted()
    waking.keep_due()
    untouched = Exposure.objects.get(policy=as_it_is)
    Exposure.objects.filter(policy=other).update(public="yes", not_safe=True)
    Policy.objects.filter(pk=other.pk).update(public="yes")
    Mention.objects.all().delete()
    PartyTally.objects.update(functions=99)
    assert done() > 2, "a slice is no more than a part of it"
    assert Renewal.objects.get().mark == MARK
    assert Exposure.objects.get(policy=as_it_is) == untouched, "what is right is not written again"
    again = Exposure.objects.get(policy=other)
    assert (again.public, again.not_safe, Policy.objects.get(pk=other.pk).public) == ("no", False, "no")
    assert set(Mention.objects.values_list("policy", "number")) == {(as_it_is.pk, d.ACME), (other.pk, GLOBEX)}
    assert set(PartyTally.objects.values_list("functions", flat=True)) == {1}
    assert set(WakingDue.objects.values_list("function", flat=True)) == {right.pk, wrong.pk}, "the list reads these in full"
    assert set(TallyDue.objects.values_list("account", flat=True)) == {platform.pk}, "and counts say that they are older"
    assert not working.due(timezone.now())
    assert not working.renew()


@pytest.mark.django_db
def test_the_policies_of_layers_are_looked_at_anew(old: Renewal) -> None:
    arn = f"arn:aws:lambda:us-east-1:{d.OWNER}:layer:image-tools:2"
    of = factories.account("Platform", d.OWNER)
    layer = LayerVersion.objects.create(account=of, region="us-east-1", name="image-tools", number=2, arn=arn)
    layer_storing.store_policy(layer, None, read_at=timezone.now())
    LayerExposure.objects.create(layer=layer, kind="everyone", principal="*", public="yes", external="yes")
    LayerVersion.objects.update(public="yes")
    done()
    assert (LayerExposure.objects.count(), LayerVersion.objects.get().public) == (0, "no")


@pytest.mark.django_db
def test_only_what_has_other_rules_is_made_anew_and_a_worker_that_died_is_gone_on_from(
    old: Renewal, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = factories.function("f", owner())
    policies = [kept(function, allow(d.ACME), qualifier=name) for name in ("", "a", "b")]
    Renewal.objects.update(made={**VERSIONS, "exposures": 0})
    WakingDue.objects.all().delete()
    made: list[Any] = []

    def dies(pk: Any) -> None:
        if len(made) == 2:
            raise RuntimeError("killed")
        made.append(pk)

    monkeypatch.setattr(working, "_CHUNK", 1)
    monkeypatch.setattr(working, "expose_anew", dies)
    with pytest.raises(RuntimeError):
        working.renew()
    monkeypatch.setattr(working, "expose_anew", made.append)
    assert not working.renew()
    assert sorted(made) == sorted(one.pk for one in policies)
    assert not WakingDue.objects.exists(), "the others had these rules"
    assert Renewal.objects.get().mark == MARK


@pytest.mark.django_db
@pytest.mark.parametrize("of", ["exposures", "mentions"])
def test_how_far_it_was_by_other_rules_says_nothing_once_they_change_again(
    old: Renewal, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    function = factories.function("f", owner())
    policies = [kept(function, allow(d.ACME), qualifier=name) for name in ("", "a", "b")]
    made: list[Any] = []
    monkeypatch.setattr(working, "_CHUNK", 1)
    monkeypatch.setattr(working, "expose_anew", made.append)
    Renewal.objects.update(made={**VERSIONS, of: 0})
    assert working.renew(seconds=0), "one of three"
    # The next upgrade comes before it is at the end, and changes what policies let in (again).
    made.clear()
    monkeypatch.setattr(working, "VERSIONS", {**VERSIONS, "exposures": 2})
    done()
    assert sorted(made) == sorted(one.pk for one in policies)


@pytest.mark.django_db
def test_findings_are_waited_for_and_one_worker_is_at_it(old: Renewal) -> None:
    held = FindingPass.objects.create(pk=1, mark={"rules": findings.VERSION - 1})
    sweep()  # queues it, and runs it where tasks run at once
    renew_kept("1")
    assert SENTENCE in telling.said()
    assert not working.renew(), "nothing is gained by asking at once"
    Renewal.objects.update(lease_until=timezone.now() + timedelta(minutes=1))
    assert not working.due(timezone.now())
    FindingPass.objects.filter(pk=held.pk).update(mark={"rules": findings.VERSION}, checkpoint="")
    assert not working.renew()
    assert telling.said() != (), "another worker has it"
    Renewal.objects.update(lease_until=None)
    assert working.due(timezone.now())
    working.renew()
    assert telling.said() == ()
