"""What people ask for that ends in AWS, each as it begins and as it should end; for the matrix of faults."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from sharing import tasks
from sharing.models import Check, Grant, Mapping, MappingChange, Offboarding, Sync, Wiring
from sharing.policy.wiring import MappingOptions
from sharing.services import bulk as bulks
from sharing.services import granting, offboarding, syncing, wiring
from sharing.services import mapping as mappings
from sharing.tasks.bulk import work_bulk
from sharing.tasks.offboarding import offboard
from tests.faults.world import ACME, BUCKET, GLOBEX, NAMES, QUEUE, SMALL, TOPIC, World, statement_of

#: Where a row stands in the end, as one word.
End = Callable[[], str]

SHARING = (tasks.reconcile_grant, tasks.run_check)


@dataclass(frozen=True)
class Journey:
    """prepare: once, without trouble. begin: what a door does; returns how to ask where it stands. end: the word it should
    end with. tasks: what workers may take up meanwhile. fails: words it may end with where AWS refuses, said on its row.
    partly: a word it may end with whatever happens, said on its row. kin: much like another one, so that CI tries each of
    its calls once only.
    """

    name: str
    prepare: Callable[[World], Any]
    begin: Callable[[World, Any], End]
    end: str
    tasks: tuple[Any, ...]
    fails: tuple[str, ...] = ()
    partly: str = ""
    kin: bool = False

    def __str__(self) -> str:
        return self.name


def _grant_end(pk: Any) -> End:
    def end() -> str:
        grant = Grant.objects.get(pk=pk)
        checks = Check.objects.filter(grant=grant).exclude(state="done").exists()
        return f"{grant.state}{' unproved' if checks else ''}"

    return end


def _shared(world: World, **asked: Any) -> Grant:
    """A grant that AWS holds, proved."""
    grant = world.estate.share(world.policy(), ACME, **asked)
    world.soon(tasks.reconcile_grant, grant)
    world.bench.deliver(*SHARING)
    for _ in range(8):
        if not Check.objects.filter(grant=grant).exclude(state="done").exists():
            break
        world.clock.move(10)
        tasks.sweep.run()
        world.bench.deliver(*SHARING)
    grant.refresh_from_db()
    assert _grant_end(grant.pk)() == "active", grant.failure
    return grant


def _grant(world: World, _: Any) -> End:
    grant = world.estate.share(world.policy(), ACME)
    world.soon(tasks.reconcile_grant, grant)
    return _grant_end(grant.pk)


def _revoke(world: World, pk: Any) -> End:
    grant = granting.revoke(Grant.objects.get(pk=pk), by=world.by)
    world.soon(tasks.reconcile_grant, grant)
    return _grant_end(pk)


def _revoked(world: World) -> Any:
    pk = _shared(world).pk
    _revoke(world, pk)
    world.bench.deliver(*SHARING)
    for _ in range(8):
        world.clock.move(10)
        tasks.sweep.run()
        world.bench.deliver(*SHARING)
    assert _grant_end(pk)() == "revoked"
    return pk


def _suspend(world: World, pk: Any) -> End:
    grant = granting.suspend(Grant.objects.get(pk=pk), by=world.by, reason="An incident")
    world.soon(tasks.reconcile_grant, grant)
    return _grant_end(pk)


def _suspended(world: World) -> Any:
    pk = _shared(world).pk
    _suspend(world, pk)
    for _ in range(8):
        world.bench.deliver(*SHARING)
        world.clock.move(10)
        tasks.sweep.run()
    world.bench.deliver(*SHARING)
    assert _grant_end(pk)() == "suspended"
    return pk


def _resume(world: World, pk: Any) -> End:
    grant = granting.resume(Grant.objects.get(pk=pk), by=world.by)
    world.soon(tasks.reconcile_grant, grant)
    return _grant_end(pk)


def _undo(world: World, pk: Any) -> End:
    grant = granting.undo(Grant.objects.get(pk=pk), by=world.by)
    world.soon(tasks.reconcile_grant, grant)
    return _grant_end(grant.pk)


def _expire(world: World, pk: Any) -> End:
    world.clock.move((Grant.objects.get(pk=pk).ends_at - timezone.now()).total_seconds() + 1)  # type: ignore[operator]
    tasks.sweep.run()
    return _grant_end(pk)


def _bulk(world: World, _: Any) -> End:
    for name in NAMES:
        world.policy(name)
    lines = bulks.from_picks(
        NAMES, [ACME, GLOBEX], action="lambda:GetFunctionConfiguration", ends_at=None, reason="They need it"
    )
    bulk = bulks.draft(lines, title="Two with two", reason="They need it", by=world.by)
    bulks.confirm(bulk, by=world.by, judged_at=bulk.judged_at)
    tasks.bulk.begin(bulk.pk)

    def end() -> str:
        bulk.refresh_from_db()
        states = sorted({str(one.grant.state if one.grant else one.state) for one in bulk.items.select_related("grant")})
        return f"{bulk.state} {' '.join(states)}"

    return end


def _let_in(world: World) -> Any:
    """A share of ours, a statement made elsewhere and a mapping let the account in."""
    _shared(world)
    other = world.arn(NAMES[1])
    theirs = statement_of(other, "acme-by-hand")
    theirs["Principal"] = {"AWS": f"arn:aws:iam::{ACME}:root"}
    document = world.sandbox.policy(other)
    assert document is not None
    world.sandbox.put_policy(other, {**document, "Statement": [*document["Statement"], theirs]})
    world.policy(NAMES[1])
    _map(world, None)
    for _ in range(6):
        world.bench.deliver(tasks.reconcile_mapping)
        world.clock.move(30)
        tasks.sweep.run()
    world.bench.deliver(tasks.reconcile_mapping)
    assert MappingChange.objects.get().state == "done"
    return None


def _offboard(world: World, _: Any) -> End:
    seen = offboarding.preview(ACME, by=world.admin)
    assert len(seen.things) == 3, seen.things
    made = offboarding.start(ACME, seen=seen.mark, typed=ACME, reason="They left", form_token="one", by=world.admin)
    world.soon(offboard, made)

    def end() -> str:
        items = Offboarding.objects.get().items.select_related("grant", "change")
        words = [str(one.grant.state if one.grant else one.change.state if one.change else one.state) for one in items]
        return " ".join(sorted(set(words)))

    return end


def _sync(world: World, _: Any) -> End:
    [sync] = syncing.request(account=world.estate.owner, region=SMALL, by=world.by)
    world.soon(tasks.run_sync, sync)

    def end() -> str:
        sync.refresh_from_db()
        return str(sync.state)

    return end


def _read(world: World) -> Any:
    _sync(world, None)
    world.bench.deliver(tasks.run_sync)
    assert Sync.objects.get().state == "done"
    return None


def _read_one(world: World, _: Any) -> End:
    function = world.estate.policy("one", region=SMALL).function
    sync = syncing.request_function(function, by=world.by)
    world.soon(tasks.run_sync, sync)

    def end() -> str:
        sync.refresh_from_db()
        return str(sync.state)

    return end


def _map(world: World, _: Any) -> End:
    plan = mappings.plan(world.function(), source=QUEUE, options=MappingOptions())
    change = mappings.create(plan, by=world.by, form_token="map")
    world.soon(tasks.reconcile_mapping, change)
    return lambda: str(MappingChange.objects.get(pk=change.pk).state)


def _mapped(world: World) -> Any:
    _map(world, None)
    for _ in range(6):
        world.bench.deliver(tasks.reconcile_mapping)
        world.clock.move(30)
        tasks.sweep.run()
    assert MappingChange.objects.get().state == "done"
    return Mapping.objects.get().pk


def _unmap(world: World, pk: Any) -> End:
    change = mappings.delete(Mapping.objects.get(pk=pk), by=world.by, form_token="unmap")
    world.soon(tasks.reconcile_mapping, change)
    return lambda: str(MappingChange.objects.get(pk=change.pk).state)


WIRING = (tasks.reconcile_wiring, tasks.look_at_wiring, *SHARING, tasks.reconcile_mapping)


def _wire(source: str, **asked: Any) -> Callable[[World, Any], End]:
    def begin(world: World, _: Any) -> End:
        plan = wiring.plan(world.function(), source, by=world.by, **asked)
        made = wiring.ask(plan, by=world.by, form_token="wire")
        for step in made.steps.filter(state="queued"):
            world.soon(tasks.reconcile_wiring, step)
        return lambda: str(Wiring.objects.get(pk=made.pk).state)

    return begin


def _wired(source: str, **asked: Any) -> Callable[[World], Any]:
    def prepare(world: World) -> Any:
        end = _wire(source, **asked)(world, None)
        for _ in range(8):
            world.bench.deliver(*WIRING)
            if end() == "in-place" and not Check.objects.exclude(state="done").exists():
                break
            world.clock.move(30)
            tasks.sweep.run()
        assert end() == "in-place", [(one.key, one.state, one.failure) for one in Wiring.objects.get().steps.all()]
        return Wiring.objects.get().pk

    return prepare


def _unwire(world: World, pk: Any) -> End:
    made = Wiring.objects.get(pk=pk)
    wiring.abandon(made, by=world.by)
    for step in made.steps.filter(state="undoing"):
        world.soon(tasks.reconcile_wiring, step)
    return lambda: str(Wiring.objects.get(pk=pk).state)


def _nothing(_: World) -> Any:
    return None


def _with_end(world: World) -> Any:
    return _shared(world, ends_at=timezone.now() + timedelta(hours=2)).pk


S3: Any = {"source_account": ACME, "prefix": "in/"}
SNS: Any = {}

JOURNEYS = (
    Journey("grant", _nothing, _grant, "active", SHARING, ("failed",)),
    Journey("revoke", lambda world: _shared(world).pk, _revoke, "revoked", SHARING, ("active",), kin=True),
    Journey("undo", _revoked, _undo, "active", SHARING, ("failed",), kin=True),
    Journey("expiry", _with_end, _expire, "expired", SHARING, kin=True),
    Journey("bulk", _nothing, _bulk, "done active", (*SHARING, work_bulk), ("done active failed", "done failed"), kin=True),
    Journey("offboard", _let_in, _offboard, "done revoked", (*SHARING, offboard, tasks.reconcile_mapping), ("*",), kin=True),
    Journey("suspend", lambda world: _shared(world).pk, _suspend, "suspended", SHARING, ("active",), kin=True),
    Journey("resume", _suspended, _resume, "active", SHARING, ("suspended",), kin=True),
    Journey("sync", _nothing, _sync, "done", (tasks.run_sync,), ("failed",), "partial"),
    Journey("reading one", _read, _read_one, "done", (tasks.run_sync,), ("failed",), "partial", kin=True),
    Journey("mapping", _nothing, _map, "done", (tasks.reconcile_mapping,), ("failed",), kin=True),
    Journey("unmapping", _mapped, _unmap, "done", (tasks.reconcile_mapping,), ("failed",), kin=True),
    Journey("wiring a bucket", _nothing, _wire(BUCKET, **S3), "in-place", WIRING, ("failed",)),
    Journey("wiring a topic", _nothing, _wire(TOPIC, **SNS), "in-place", WIRING, ("failed",), kin=True),
    Journey("unwiring a bucket", _wired(BUCKET, **S3), _unwire, "undone", WIRING, ("failed", "undoing"), kin=True),
    Journey("unwiring a topic", _wired(TOPIC, **SNS), _unwire, "undone", WIRING, ("failed", "undoing"), kin=True),
)
