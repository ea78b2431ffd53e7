"""One read of the layers of an account and region: layers, their versions, each version's policy. Resumable.

A checkpoint names the layer, and the version of it, up to which everything is kept: a killed read goes on there.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from django.utils import timezone

from sharing.aws.errors import AwsError, Refused, Unavailable
from sharing.aws.layers import ListedVersion
from sharing.aws.threads import Threads
from sharing.models import LayerVersion, SyncState
from sharing.services.syncing.listing import waited
from sharing.services.syncing.reading import sentence_of
from sharing.services.syncing.running import Run
from sharing.services.syncing.storing import Content

from .keeping import keep_versions, vanish_layers
from .storing import is_news, mark_unread, store_policy

log = structlog.get_logger(__name__)

#: So many reads in a row without any answer are an outage, not bad luck.
_OUTAGE = 5


class _Silence:
    """Reads in a row that AWS did not answer. After too many the read begins again where it fell silent."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._count = 0
        self._before: dict[str, Any] = {}

    def note(self, error: AwsError | None) -> None:
        """Raise the error once there were too many."""
        sync = self._run.sync
        if not isinstance(error, Unavailable):
            self._count = 0
            return
        if not self._count:
            self._before = {name: getattr(sync, name) for name in ("checkpoint", "done", "unread", "total")}
        self._count += 1
        if self._count >= _OUTAGE:
            for name, value in self._before.items():
                setattr(sync, name, value)
            raise error


def read_layers(run: Run) -> None:
    """The whole read of one place, from its checkpoint on.

    Raises Stopped at the end of a slice, Refused when AWS does not let us list, Unavailable when it does not answer.
    """
    with Threads(max_workers=1, thread_name_prefix="layers") as pool:
        try:
            names = _names(run, pool)
            silence = _Silence(run)
            for name in names:
                if name > str(run.sync.checkpoint.get("after", "")):
                    _read_layer(run, pool, name, silence)
                    run.sync.checkpoint = {"names": names, "after": name}
                    run.tick(now=True)
        finally:
            run.stopping = True
    run.finish(SyncState.PARTIAL if run.sync.unread else SyncState.DONE)


def _names(run: Run, pool: ThreadPoolExecutor) -> list[str]:
    """Every layer of the place, sorted; those that are gone are marked."""
    kept = run.sync.checkpoint.get("names")
    if kept is not None:
        return list(kept)
    names: list[str] = []
    marker, seen = "", set[str]()
    while True:
        page = waited(run, pool.submit(run.layers.page, marker))
        names += page.names
        marker = page.next_marker
        run.progressed = True
        if not marker or marker in seen:
            break
        seen.add(marker)
        run.tick()
    run.sync.changed += vanish_layers(run.sync.account, run.sync.region, set(names), timezone.now())
    names = sorted(set(names))
    run.sync.checkpoint = {**run.sync.checkpoint, "names": names, "after": ""}
    run.sync.total = 0
    run.tick(now=True)
    return names


def _read_layer(run: Run, pool: ThreadPoolExecutor, name: str, silence: _Silence) -> None:
    sync = run.sync
    try:
        listed = _listed(run, pool, name)
    except AwsError as error:
        if isinstance(error, Refused) and (error.is_access_denied or error.operation == "AssumeRole"):
            raise
        silence.note(error)
        for layer in LayerVersion.objects.present().filter(account=sync.account, region=sync.region, name=name):
            mark_unread(layer, sentence_of(error), timezone.now())
        sync.unread += 1
        return
    resumed_at = int(sync.checkpoint.get("below", 0)) if sync.checkpoint.get("within") == name else 0
    if not resumed_at:
        sync.changed += keep_versions(sync.account, sync.region, name, listed, timezone.now())
        sync.total = (sync.total or 0) + len(listed)
    versions = LayerVersion.objects.present().filter(account=sync.account, region=sync.region, name=name)
    if resumed_at:
        versions = versions.filter(number__lt=resumed_at)
    for layer in versions.select_related("account", "current").order_by("-number"):
        _read_version(run, pool, layer, silence)
        sync.done += 1
        sync.checkpoint = {**sync.checkpoint, "within": name, "below": layer.number}
        run.progressed = True
        run.tick()


def _listed(run: Run, pool: ThreadPoolExecutor, name: str) -> list[ListedVersion]:
    versions: list[ListedVersion] = []
    marker, seen = "", set[str]()
    while True:
        page = waited(run, pool.submit(run.layers.versions, name, marker))
        versions += page.versions
        marker = page.next_marker
        if not marker or marker in seen:
            return versions
        seen.add(marker)


def _read_version(run: Run, pool: ThreadPoolExecutor, layer: LayerVersion, silence: _Silence) -> None:
    at = timezone.now()
    try:
        stored = waited(run, pool.submit(partial(run.layers.policy, layer.name, layer.number)))
    except AwsError as error:
        if isinstance(error, Refused) and error.operation == "AssumeRole":
            raise
        silence.note(error)
        run.sync.changed += mark_unread(layer, sentence_of(error), at)
        run.sync.unread += 1
        return
    silence.note(None)
    if is_news(layer, Content(stored)):
        run.sync.changed += _keep(run, layer, Content(stored), at)


def _keep(run: Run, layer: LayerVersion, content: Content, at: datetime) -> bool:
    try:
        return store_policy(layer, content.stored, read_at=at)
    except Exception as problem:  # one policy that cannot be kept never spoils the others
        log.error("layer_policy_not_kept", layer=layer.arn, problem=type(problem).__name__, exc_info=True)
        mark_unread(layer, "fnshare could not keep this policy; its last content is shown.", at)
        run.sync.unread += 1
        return False
