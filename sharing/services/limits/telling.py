"""A worker tells what its limits are, in words: pages never see the file."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from sharing.models import Actor, Installation
from sharing.services.history import record

from .file import Unreadable, read

log = structlog.get_logger(__name__)

#: In place of a digest.
UNREADABLE: Final = "unreadable"


class Telling:
    """What this process told last. Workers with different files each tell once, and do not contradict each other for ever."""

    def __init__(self) -> None:
        self._told: tuple[str, list[str]] | None = None

    def tell(self, now: datetime) -> None:
        """Keep presence, digest and summary of this worker's file. A change is told to history. The sweep calls it.

        `Installation.limits`: null before any worker told; [] without a file; else sentences.
        """
        try:
            limits = read()
            said = limits.summary() if limits else []
            digest = limits.digest if limits else ""
        except Unreadable as problem:
            said, digest = [f"The file cannot be read, so workers share nothing. {problem}"], UNREADABLE
        if self._told == (digest, said):
            return
        with transaction.atomic():
            Installation.objects.get_or_create(pk=1)
            row = Installation.objects.select_for_update().get(pk=1)
            if (row.limits_digest, row.limits) != (digest, said):
                Installation.objects.filter(pk=1).update(limits=said, limits_digest=digest, limits_at=now)
                if row.limits is not None or said:
                    text = f"The workers' limits: {' '.join(said)}" if said else "The workers have no limits any more."
                    record("limits.changed", text, by=Actor.system(), detail={"digest": digest})
                    log.critical("worker_limits_changed", digest=digest)
        self._told = (digest, said)


tell = Telling().tell
