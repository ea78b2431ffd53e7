"""Running syncs in a worker: one at a time per place, in slices, resumable at the next function.

A run claims its row by compare-and-set on `lease_until`, renews it while it works and stops as soon as it cannot. What a
killed worker leaves is claimed again when the lease has run out. `lease_until` in the future also means "not before".
"""

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from sharing.aws.errors import CREDENTIAL_CODES, AwsError, Refused
from sharing.aws.mapped import ListedMapping
from sharing.models import Actor, Connection, Sync, SyncKind, SyncState
from sharing.models.sync import OPEN
from sharing.services import places
from sharing.services.connecting import functions, layers, manager_of
from sharing.services.errors import Refusal
from sharing.services.resting import resting

from .telling import tell

log = structlog.get_logger(__name__)

#: A slice ends after this long, so that others have their turn; the sync goes on in the next.
SLICE = 60.0
_TICK = 0.4
# Before a slice makes way for clicks it has read something within a second, or nothing for five: a very slow pace.
_AT_LEAST, _PATIENCE = 1.0, 5.0
_DRAIN, _DRAIN_FOR_CLICKS = 20.0, 0.4
#: Pauses after an outage, in seconds; after the last one the sync has failed.
_PAUSES = (15, 60, 300, 900, 1800)
#: In a checkpoint: the moment that `lease_until` was set to by a pause. Another one there means that a worker has the row.
_NOT_BEFORE = "not_before"


def lease() -> timedelta:
    """How long a killed worker's sync waits for the next one: longer than any call to AWS takes."""
    return timedelta(seconds=settings.LEASE_SECONDS)


class Stopped(Exception):
    """The slice ends here; what was kept is kept."""


class Run:
    """One slice of one sync: its row, its way into AWS, and the clock.

    `tick()` must be called about twice a second: it renews the lease, applies a changed pace share, and raises Stopped
    when the slice is over, the account was paused, or another worker has the row.
    """

    def __init__(self, sync: Sync, connection: Connection, make_way: Callable[[], bool]) -> None:
        self.sync = sync
        self.connection = connection
        self.stopping = False  # calls that wait for their turn give up
        self.ending = False
        self.drain = 0.0
        self.progressed = False
        self.refusal: Refusal | None = None
        self.resting = False  # quiet hours began
        self._mappings: list[ListedMapping] | Refused | None = None
        self.mappings_at = timezone.now()
        self.functions = functions(
            connection,
            sync.region,
            purpose="click" if sync.kind == SyncKind.FUNCTION else "background",
            session_name="fnshare-read",
            share=sync.pace_share,
            cancelled=lambda: self.stopping,
        )
        self.layers = layers(
            connection,
            sync.region,
            purpose="background",
            share=sync.pace_share,
            cancelled=lambda: self.stopping,
        )
        # A person waits for one function: that does not make way, and begins anew if it is broken off.
        self._make_way = make_way if sync.kind != SyncKind.FUNCTION else lambda: False
        self._began = self._ticked = time.monotonic()
        self._calls_before = sync.calls

    def mappings(self) -> list[ListedMapping]:
        """The place's event source mappings: asked for once a run, since one list has those of every function."""
        if self._mappings is None:
            self.mappings_at = timezone.now()
            try:
                self._mappings = self.functions.mappings()
            except Refused as refusal:
                self._mappings = refusal
        if isinstance(self._mappings, Refused):
            raise self._mappings
        return self._mappings

    def permits(self, verb: str) -> bool:
        """Whether the connection test found the role to permit this; what was not tried is tried now."""
        return bool(self.connection.verbs.get(verb, True))

    def tick(self, *, now: bool = False) -> None:
        """See the class. now: write the progress even if the last time was a moment ago."""
        if self.ending:
            raise Stopped
        if not now and time.monotonic() - self._ticked < _TICK:
            return
        self._ticked = time.monotonic()
        self._save()
        self._look()
        worked = time.monotonic() - self._began
        enough = worked > _PATIENCE or (self.progressed and worked > _AT_LEAST)
        if worked > SLICE:
            self.stop(drain=_DRAIN)
        if enough and self._make_way():
            self.stop(drain=_DRAIN_FOR_CLICKS)

    def tick_quietly(self) -> None:
        """Write the progress, whatever follows from it is left to the next tick."""
        self._save()

    def stop(self, *, drain: float = 0.0) -> None:
        """End the slice. drain: seconds in which what was begun may be finished, so that no call was in vain."""
        self.ending, self.drain = True, drain
        self.stopping = self.stopping or not drain
        raise Stopped

    def release(self, *, pause: float = 0.0) -> None:
        """Give the row back for the next slice, not before `pause` seconds from now."""
        until = timezone.now() + timedelta(seconds=pause)
        self.sync.checkpoint[_NOT_BEFORE] = until.isoformat()
        self._save(until)

    def finish(self, state: SyncState, *, failure: str = "", code: str = "", following: str = "") -> None:
        """The sync is over."""
        sync = self.sync
        now = timezone.now()
        with transaction.atomic():
            done = Sync.objects.filter(pk=sync.pk, state__in=OPEN, lease_until=sync.lease_until).update(
                state=state,
                finished_at=now,
                lease_until=None,
                failure=failure,
                failure_code=code[:100],
                failure_next=following,
                checkpoint={},
                **self._progress(),
            )
            if not done:
                raise Stopped
            sync.state, sync.finished_at, sync.failure, sync.lease_until = state, now, failure, None
            _over(sync)

    def _progress(self) -> dict[str, object]:
        sync = self.sync
        sync.calls = self._calls_before + self.functions.calls + self.layers.calls
        return {
            "total": sync.total,
            "done": sync.done,
            "unread": sync.unread,
            "changed": sync.changed,
            "calls": sync.calls,
        }

    def _save(self, until: datetime | None = None) -> None:
        sync = self.sync
        until = until or timezone.now() + lease()
        kept = Sync.objects.filter(pk=sync.pk, state=SyncState.RUNNING, lease_until=sync.lease_until).update(
            lease_until=until, checkpoint=sync.checkpoint, **self._progress()
        )
        if not kept:
            self.stopping = True
            log.warning("sync_taken_over", sync=str(sync.pk))
            raise Stopped
        sync.lease_until = until

    def _look(self) -> None:
        """What others changed on the rows meanwhile: the pace share, the connection."""
        share = Sync.objects.values_list("pace_share", flat=True).get(pk=self.sync.pk)
        self.sync.pace_share = share
        self.functions.share = self.layers.share = settings.AWS_PACE_SHARE if share is None else share
        if self.sync.requested_as == Actor.system().label and resting(timezone.now()):
            self.resting = True
            self.stop()
        try:
            manager_of(self.sync.account)
        except Refusal as refusal:
            self.refusal = refusal
            self.stop()


def claim(pk: uuid.UUID | str) -> Sync | None:
    """Take the row for this worker; None: it is over, another worker has it, or its time has not come."""
    now = timezone.now()
    until = now + lease()
    claimed = (
        Sync.objects.open()
        .filter(pk=pk)
        .filter(Q(lease_until=None) | Q(lease_until__lte=now))
        .update(state=SyncState.RUNNING, lease_until=until, started_at=Coalesce("started_at", Value(now)))
    )
    return Sync.objects.select_related("account", "function").get(pk=pk) if claimed else None


def end_pause(sync: Sync) -> None:
    """Somebody asks for a sync that pauses after an outage: it goes on now, and its patience lasts as long as before."""
    until = sync.lease_until
    if until is None or sync.checkpoint.get(_NOT_BEFORE) != until.isoformat():
        return
    checkpoint = {**sync.checkpoint, "tries": max(0, int(sync.checkpoint.get("tries", 0)) - 1)}
    Sync.objects.open().filter(pk=sync.pk, lease_until=until).update(lease_until=None, checkpoint=checkpoint)


def run_slice(sync: Sync, work: Callable[[Run], None], make_way: Callable[[], bool]) -> bool:
    """Do one slice of a claimed sync with `work`. True: unfinished, go on at once."""
    try:
        connection = manager_of(sync.account)
    except Refusal as refusal:
        _refused(sync, refusal)
        return False
    run = Run(sync, connection, make_way)
    try:
        work(run)
    except Stopped:
        return _stopped(run)
    except Refused as refused:
        run.finish(SyncState.FAILED, failure=refused.sentence, code=refused.code, following=refused.next)
    except AwsError as outage:
        _out(run, outage)
    return False


def _stopped(run: Run) -> bool:
    if run.refusal is not None:
        _refused(run.sync, run.refusal)
        return False
    try:
        run.release()
    except Stopped:
        return False
    return not run.resting


def _out(run: Run, outage: AwsError) -> None:
    """AWS gave no answers: come back later, and give up after a while. What was read is kept, the rest is as it was."""
    enabled = run.connection.enabled_regions
    if outage.code in CREDENTIAL_CODES and enabled is not None and run.sync.region not in enabled:
        # A region that is not enabled knows no session (aws-facts 5.1: RegionDisabled is STS's own word for it).
        text = f"Region {run.sync.region} is not enabled in the account."
        following = "Enable it there, or take it off the regions that are read."
        run.finish(SyncState.FAILED, failure=text, code=outage.code, following=following)
        return
    tries = int(run.sync.checkpoint.get("tries", 0))
    if tries >= len(_PAUSES):
        run.finish(SyncState.FAILED, failure=outage.sentence, code=outage.code, following=outage.next)
        return
    run.sync.checkpoint["tries"] = tries + 1
    Sync.objects.filter(pk=run.sync.pk).update(failure=f"Waiting: {outage.sentence}", failure_code=outage.code[:100])
    run.release(pause=_PAUSES[tries])


def _refused(sync: Sync, refusal: Refusal) -> None:
    with transaction.atomic():
        ended = Sync.objects.filter(pk=sync.pk, state__in=OPEN).update(
            state=SyncState.FAILED,
            finished_at=timezone.now(),
            lease_until=None,
            failure=refusal.message,
            failure_code=refusal.code,
            failure_next=refusal.next,
            checkpoint={},
        )
        if ended:
            sync.refresh_from_db()
            _over(sync)


def _over(sync: Sync) -> None:
    """What follows from the end of a sync, in its transaction."""
    if sync.kind == SyncKind.SWEEP:
        places.swept(sync.account_id, sync.region)
    tell(sync)
