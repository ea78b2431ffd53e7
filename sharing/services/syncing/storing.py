"""Keeping a policy as read: versions by content, what they let in, and what else that changes.

The only writer of policies' contents. Granting's re-reads come through here as well, so nobody else's change goes by
unseen whoever happened to read it.
"""

import json
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from sharing.aws.functions import StoredPolicy
from sharing.models import Actor, Function, Grant, Policy, PolicyVersion, Reading, Sync, SyncKind
from sharing.models.grant import UNSETTLED
from sharing.policy import Changes, Document, compare, parse
from sharing.policy.arn import FunctionArn
from sharing.services import history, tallying, waking
from sharing.services.masking import holds_tokens, mask_tokens

from .drift import note_drift
from .mentioned import mention
from .reach import DERIVED, is_as_kept, keep_exposures

_NAMED = 8  # statements named in one event's sentence
#: What each read sets on the policy.
_READ = ("current", "reading", "revision_id", "size", "read_at", "unread_since", "unread_reason", "vanished_at")


@dataclass(frozen=True)
class Content:
    """What GetPolicy returned, fit to be kept: tokens masked. `stored` None: AWS has no policy."""

    stored: StoredPolicy | None

    @cached_property
    def text(self) -> str:
        """The document as AWS wrote it, but for tokens; "" for no policy."""
        if self.stored is None:
            return ""
        text = self.stored.document
        if not holds_tokens(text):
            return text
        # Escaped, so that what is no valid text (lone surrogates, NUL) can be kept by any database.
        return json.dumps(mask_tokens(json.loads(text)), separators=(",", ":"))

    @cached_property
    def document(self) -> Document:
        """The masked document, parsed."""
        return parse(self.text or None)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical masked document: spacing and order of keys do not count."""
        return self.document.digest

    @cached_property
    def in_clear(self) -> Document:
        """The document as AWS has it, never kept."""
        if self.stored is None or self.text is self.stored.document:
            return self.document
        return parse(self.stored.document)

    @property
    def size(self) -> int:
        """Bytes as AWS counts them, of the document in clear."""
        return self.in_clear.size if self.stored else 0

    @property
    def revision_id(self) -> str:
        """AWS's id of this revision; "" for no policy."""
        return self.stored.revision_id if self.stored else ""

    @property
    def reading(self) -> Reading:
        """Whether there is a policy."""
        return Reading.PRESENT if self.stored else Reading.NONE


#: The digest of "AWS has no policy".
NO_POLICY = Content(None).digest


def is_news(policy: Policy, content: Content) -> bool:
    """Whether storing would change anything but the time of reading: a quiet sync leaves such rows alone.

    `policy.current` should be loaded; no query is made then.
    """
    return (
        policy.current is None
        or policy.current.digest != content.digest
        or policy.reading != content.reading
        or policy.revision_id != content.revision_id
        or policy.unread_since is not None
        or policy.vanished_at is not None
    )


@dataclass(frozen=True)
class Answered:
    """What GetPolicy returned (None: 404, no policy), and when the call was *made*."""

    stored: StoredPolicy | None
    at: datetime


def store_policy(policy: Policy, stored: StoredPolicy | None, *, read_at: datetime, ours: Collection[str] = ()) -> bool:
    """Keep what GetPolicy returned. True: its content is new (a version was added).

    stored: None when AWS answered 404 and the function, alias or version exists: no policy. read_at: when the call was
    *made*; a read older than the one kept is dropped, so a slow sync never overwrites a later re-read. ours: Sids that
    the caller itself added or removed (also those of grants that are being settled count as ours): every other
    difference becomes an event `policy.changed`.

    In one transaction: the version (event source tokens masked), the exposures, the policy's flags; active grants whose
    statement is gone become vanished, those whose statement was changed get `statement.changed`. Sets `policy`'s fields
    to what is kept. In a transaction that settles a grant, call it first: the policy is locked before its grants.
    """
    with transaction.atomic():
        return store_reads(policy, [Answered(stored, read_at)], ours=ours)


def store_reads(policy: Policy, reads: Iterable[Answered], *, ours: Collection[str] = ()) -> bool:
    """Keep several reads, the earliest first, as `store_policy` does each; what follows from the content follows from the
    last one. `policy.current` may be loaded: what it was is then not read again. Part of the transaction around it."""
    with transaction.atomic(savepoint=False):
        held = _locked(policy)
        if held.current_id is not None and held.current_id == policy.current_id:
            held.current = policy.current  # versions never change
        later = [one for one in reads if held.read_at is None or held.read_at <= one.at]
        known, latest = held.current is not None, None
        if later and (held.unread_since is not None or held.vanished_at is not None):
            tallying.note(held.function.account_id)
            waking.note(held.function_id)
        for place, read in enumerate(later):
            content = Content(read.stored)
            if held.current is None or held.current.digest != content.digest:
                _keep_content(held, content, read.at, ours, seen_before=later[place - 1].at if place else None)
                latest = content
            held.reading = content.reading
            held.revision_id = content.revision_id
            held.read_at = read.at
            held.unread_since, held.unread_reason, held.vanished_at = None, "", None
        if latest is not None:
            if "url" in latest.text.lower():  # others may have been read since the function was
                held.function.urls = Function.objects.values_list("urls", flat=True).get(pk=held.function_id)
            keep_exposures(held, latest.document, also=_READ, anew=not known)
            note_drift(held, latest.in_clear, read_at=later[-1].at)
            _look_for_urls(held, latest)
        elif later:
            held.save(update_fields=_READ)
        _take_over(policy, held)
    return latest is not None


def expose_again(function: Function) -> None:
    """What follows from the contents that are kept now, once more: other URLs of the function became known.

    Call it in the transaction that keeps those, before they are written: nobody would do it later. Whoever keeps a content
    at the same time does so before, and is seen here, or afterwards, and sees the URLs.
    """
    rows = Policy.objects.select_for_update(no_key=True).filter(function=function, current__isnull=False).order_by("pk")
    held = list(rows)
    about = PolicyVersion.objects.filter(document__icontains="url").in_bulk([one.current_id for one in held])
    for policy in held:
        if policy.current_id in about:
            policy.function, policy.current = function, about[policy.current_id]
            keep_exposures(policy, parse(policy.current.document or None))


def expose_anew(pk: uuid.UUID) -> None:
    """What follows from the content that is kept, by the rules of now. Nothing is written where that is what is kept."""
    with transaction.atomic():
        Policy.objects.select_for_update(no_key=True).get(pk=pk)
        policy = Policy.objects.select_related("function__account", "current").get(pk=pk)
        document = parse(policy.current.document or None if policy.current else None)
        if policy.current is not None and not is_as_kept(policy, document):
            keep_exposures(policy, document)


def mark_unread(policy: Policy, sentence: str, at: datetime) -> bool:
    """The read of this policy failed: its last content stays, marked stale. True: this was not known before.

    sentence: why, for people. at: when the failed call was made.
    """
    with transaction.atomic():
        held = Policy.objects.select_for_update().get(pk=policy.pk)
        if held.read_at is not None and held.read_at > at:
            return False
        if held.unread_since is not None and held.unread_reason == sentence:
            return False
        Policy.objects.filter(pk=policy.pk).update(
            reading=Reading.UNREAD, unread_since=Coalesce(F("unread_since"), at), unread_reason=sentence
        )
        if held.unread_since is None:
            tallying.note(policy.function.account_id)
            waking.note(policy.function_id)
    policy.refresh_from_db(fields=["reading", "unread_since", "unread_reason"])
    return True


def last_read_of(policy: Policy) -> datetime | None:
    """When the kept content was last seen to be in AWS: by a read of its own, or by a sync that found nothing new."""
    own = policy.read_at
    if own is None or policy.qualifier.isdigit():
        # Versions' policies are read with the details only, which notes the time on the function.
        details = policy.function.details_read_at
        return max((at for at in (own, details) if at and own), default=None)
    sweeps = Sync.objects.complete().filter(
        account=policy.function.account_id, region=policy.function.region, kind=SyncKind.SWEEP, started_at__gte=own
    )
    if policy.unread_since is not None:
        sweeps = sweeps.filter(finished_at__lt=policy.unread_since)
    latest = sweeps.order_by("-started_at").values_list("started_at", flat=True).first()
    return latest or own


def _locked(policy: Policy) -> Policy:
    """The row as it is, kept from other writers. Call it before any grant of the policy is written, as everybody does.

    Rows that name the policy (a check, say) may be written meanwhile: whoever writes one may have a grant already.
    """
    # Locked alone: what is joined could be the version from before the wait for the lock (PostgreSQL).
    held = Policy.objects.select_for_update(no_key=True).get(pk=policy.pk)
    held.function = policy.function
    return held


def _keep_content(
    held: Policy, content: Content, read_at: datetime, ours: Collection[str], *, seen_before: datetime | None
) -> None:
    """Add it as a version, and tell what somebody else changed since the one before. seen_before: when that was last seen,
    where the caller knows."""
    before = held.current
    seen_without = (seen_before or last_read_of(held)) if before is not None else None
    held.current = PolicyVersion.objects.create(
        policy=held,
        digest=content.digest,
        document=content.text,
        size=content.size,
        revision_id=content.revision_id,
        last_seen_without=min(seen_without, read_at) if seen_without else None,
        first_seen_at=read_at,
    )
    held.size = content.size
    mention(held, content.text, known=before.document if before is not None else "")
    if before is not None:
        _tell(held, compare(parse(before.document or None), content.document), ours)


def _tell(held: Policy, changes: Changes, ours: Collection[str]) -> None:
    """An event for what somebody else changed."""
    foreign = any(one.sid not in ours for one in (*changes.added, *changes.removed, *(after for _, after in changes.changed)))
    if not foreign:
        return
    own = set(ours) | set(Grant.objects.filter(policy=held, state__in=UNSETTLED).values_list("sid", flat=True))
    added = [one.name for one in changes.added if one.sid not in own]
    removed = [one.name for one in changes.removed if one.sid not in own]
    changed = [after.name for _, after in changes.changed if after.sid not in own]
    if not (added or removed or changed):
        return
    parts = [
        f"{what} {_names(names)}" for what, names in (("added", added), ("removed", removed), ("changed", changed)) if names
    ]
    arn = FunctionArn.parse(held.arn)
    name = f"{arn.name}:{arn.qualifier}" if arn.qualifier else arn.name
    history.record(
        "policy.changed",
        f"The policy of {name} was changed outside fnshare: {'; '.join(parts)}",
        by=Actor.system(),
        function=held.function,
        qualifier=held.qualifier,
        sid=(added + removed + changed)[0][:100] if len(added + removed + changed) == 1 else "",
        detail={
            "added": added[:50],
            "removed": removed[:50],
            "changed": changed[:50],
            "version": held.current_id,
            "size": held.size,
        },
    )


def _names(names: list[str]) -> str:
    shown = ", ".join(f"“{name[:100]}”" for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _look_for_urls(held: Policy, content: Content) -> None:
    """A policy that names InvokeFunctionUrl makes the function's URLs due: the slow pass reads them next."""
    if "invokefunctionurl" in content.text.lower():
        held.function.__class__.objects.filter(pk=held.function_id, urls__isnull=True).update(details_due_at=held.read_at)


def _take_over(policy: Policy, held: Policy) -> None:
    for name in (*_READ, *DERIVED):
        setattr(policy, name, getattr(held, name))
