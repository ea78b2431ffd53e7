"""What the live demo's database holds, asked by tests from outside.

`python -m tests.faults.inside`, in the environment of the demo's own processes, answers one JSON object a line on standard
input with one on standard output. It only reads, but for `quiet`, `silence` and `age`, which move dates that no test can
wait for.
"""

import json
import sys
from datetime import datetime, timedelta
from typing import Any

import django


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def functions() -> list[Any]:
    """Every function that AWS still lists: its ARN and key."""
    from sharing.models import Function

    return list(Function.objects.present().values("pk", "arn", "name", "region"))


def grants(pks: list[str] | None = None) -> list[dict[str, Any]]:
    """Grants (all without pks), in the order they were made, each with its history and its checks."""
    from sharing.models import Grant

    found = Grant.objects.select_related("policy__function").order_by("created_at", "pk")
    if pks is not None:
        found = found.filter(pk__in=pks)
    return [
        {
            "pk": grant.pk,
            "arn": grant.policy.arn,
            "sid": grant.sid,
            "state": grant.state,
            "wanted": grant.wanted,
            "adopted": grant.adopted,
            "principal": grant.principal,
            "statement": grant.statement,
            "failure": grant.failure,
            "failure_code": grant.failure_code,
            "failure_next": grant.failure_next,
            "tries": grant.tries,
            "unsettled": grant.is_unsettled,
            "verdict": grant.verdict,
            "verdict_detail": grant.verdict_detail,
            "form_token": grant.form_token,
            "token_kept": bool(grant.event_source_token),
            "request_id": grant.request_id,
            "undo_of": grant.undo_of_id,
            "events": list(grant.events.order_by("sequence").values("sequence", "at", "verb", "actor", "error_code")),
            "checks": list(grant.checks.order_by("created_at").values("occasion", "state", "verdict", "expected", "detail")),
        }
        for grant in found
    ]


def policies() -> list[dict[str, Any]]:
    """Every policy that is still there, as last read."""
    from sharing.models import Policy

    return [
        {
            "arn": policy.arn,
            "reading": policy.reading,
            "document": policy.current.document if policy.current else "",
            "unread_reason": policy.unread_reason,
            "shared": policy.grants.exists(),
        }
        for policy in Policy.objects.present().select_related("function", "current")
    ]


def intents(*, reads: bool = False) -> list[dict[str, Any]]:
    """Everything else that somebody asked for and that ends in AWS: whether it is settled, and what it says where it is not
    as it was asked for. Grants and their checks are `grants`. reads: syncs too, which opening a page asks for."""
    from sharing.models import Bulk, Grant, MappingChange, Offboarding, Sync, Wiring
    from sharing.models.grant import UNSETTLED
    from sharing.services import offboarding

    def row(kind: str, one: Any, settled: bool, failed: bool, says: str, following: str) -> dict[str, Any]:
        told = {"kind": kind, "pk": one.pk, "state": one.state if hasattr(one, "state") else "", "settled": settled}
        return {**told, "failed": failed, "failure": says, "failure_next": following}

    found = []
    for grant in Grant.objects.filter(state__in=UNSETTLED):
        found.append(row("grant", grant, False, False, grant.failure, grant.failure_next))
    for change in MappingChange.objects.all():
        found.append(row("mapping", change, not change.is_open, change.state == "failed", change.failure, change.failure_next))
    for wired in Wiring.objects.all():
        for step in wired.steps.all():
            settled = not step.is_open or wired.state == "failed"  # it waits for a person then
            found.append(row(f"step {step.key}", step, settled, step.state == "failed", step.failure, step.failure_next))
    for bulk in Bulk.objects.exclude(state="draft"):
        found.append(row("bulk", bulk, bulk.state == "done", False, "", ""))
        for item in bulk.items.all():
            found.append(row("item", item, item.state != "waiting", item.state == "failed", item.failure, item.failure_next))
    due = set(offboarding.due().values_list("pk", flat=True))
    for leaving in Offboarding.objects.all():
        found.append(row("offboarding", leaving, leaving.pk not in due, False, "", ""))
        for thing in leaving.items.all():
            refused = thing.state in ("failed", "lost")
            found.append(row("thing", thing, thing.state != "waiting", refused, thing.failure, thing.failure_next))
    for sync in Sync.objects.exclude(requested_by=None) if reads else ():
        settled = sync.state not in ("queued", "running")
        found.append(row("sync", sync, settled, sync.state == "failed", sync.failure, sync.failure_next or "-"))
    return found


def verbs(arn: str) -> list[Any]:
    """The history of one function, oldest first."""
    from sharing.models import Event

    return list(Event.objects.filter(function__arn=arn).order_by("sequence").values("verb", "text", "sid", "qualifier"))


def search(text: str) -> list[str]:
    """Tables with a row that holds this text anywhere."""
    from django.db import connection

    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  # names from the database
            if any(text in str(row) for row in cursor.fetchall()):
                found.append(table)
    return found


def busy() -> int:
    """Reads that are queued or running."""
    from sharing.models import Sync

    return Sync.objects.open().count()


def quiet() -> None:
    """No slow pass over a function comes due while tests count calls."""
    from django.utils import timezone

    from sharing.models import Function

    Function.objects.update(details_due_at=timezone.now() + timedelta(days=7))


def silence(seconds: float) -> None:
    """No worker was seen for so long."""
    from django.utils import timezone

    from sharing.models import Installation

    Installation.objects.update(swept_at=timezone.now() - timedelta(seconds=seconds))


def age(pk: str, **seconds: float) -> None:
    """Move dates of a grant into the past by so many seconds."""
    from sharing.models import Grant

    grant = Grant.objects.get(pk=pk)
    moved = {name: getattr(grant, name) - timedelta(seconds=by) for name, by in seconds.items()}
    Grant.objects.filter(pk=pk).update(**moved)


def main() -> None:
    """Answer until standard input ends."""
    django.setup()
    from django.db import close_old_connections

    known = {each.__name__: each for each in (functions, grants, policies, intents, verbs, search, busy, quiet, silence, age)}
    for line in sys.stdin:
        asked = json.loads(line)
        close_old_connections()
        try:
            answer: dict[str, Any] = {"said": known[asked.pop("ask")](**asked)}
        except Exception as problem:  # noqa: BLE001  # the test that asked gets it
            answer = {"problem": f"{type(problem).__name__}: {problem}"}
        sys.stdout.write(json.dumps(answer, default=plain) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
