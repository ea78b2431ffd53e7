"""Many workers and another tool write to the same policies at once: is anything lost, doubled or invented?

    python -m benchmarks.many_writers                  # 8 workers, 500 grants and revokes on 10 functions, then 5 that get full
    python -m benchmarks.many_writers --postgresql     # the same on a PostgreSQL of its own

Each worker is a process of its own, takes whatever is due (the same rows as all others), and is paced by nothing. The other
tool (benchmarks.another_tool) adds and removes statements of its own meanwhile. The local AWS runs in this process.
"""

import argparse
import contextlib
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.another_tool import AnotherTool
from benchmarks.story_aws import connect, prepare, unpace

if TYPE_CHECKING:
    from sharing.models import Policy
    from sharing.sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parent.parent
#: The most bytes AWS keeps of one policy.
LIMIT = 20_480
#: Account numbers of those shared with, and of what stood there before.
NEW, OLD = 700_000_000_000, 800_000_000_000


@dataclass
class Result:
    """What came of it. wrong: a sentence for each policy that is not exactly right; refused: grants that met a full policy."""

    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    edits: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    stale: int = 0


def main() -> int:
    """Measure and print; exit status 1 when a policy is not exactly right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--operations", type=int, default=500)
    parser.add_argument("--functions", type=int, default=10)
    parser.add_argument("--full", type=int, default=5, help="Functions that the same number of grants alone overfills.")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work()
    with tempfile.TemporaryDirectory(prefix="many-writers") as folder, database(folder, options) as url:
        prepare(url)
        from sharing.sandbox.server import Sandbox

        kind = "PostgreSQL" if options.postgresql else "SQLite"
        kept = True
        with Sandbox(story="demo") as sandbox:
            connect(sandbox)
            many = options.operations
            rounds = ((options.functions, many - many // 2, many // 2), (options.full, many, 0))
            for names, grants, revokes in rounds:
                policies = functions(sandbox, names, revokes)
                result = contend(sandbox, policies, grants=grants, revokes=revokes, processes=options.processes)
                kept = told(result, kind, options, names, overfilled=not revokes) and kept
        return 0 if kept else 1


def told(result: Result, kind: str, options: argparse.Namespace, names: int, *, overfilled: bool) -> bool:
    """Print it; whether the promise was kept."""
    print(f"{kind}, {options.processes} workers, {options.operations} on {names} functions: {result.seconds:.1f} s")
    print(f"  outcomes {dict(result.outcomes)}, {result.refused} refused as full, {result.edits} edits of another tool")
    print(f"  calls {dict(result.calls)}, {result.stale} refused for a stale revision")
    for sentence in result.wrong:
        print(f"  WRONG: {sentence}")
    kept = not result.wrong and (result.refused > 0) == overfilled
    print("  every policy is exactly right" if kept else "  PROMISE BROKEN")
    return kept


@contextlib.contextmanager
def database(folder: str, options: argparse.Namespace) -> Iterator[str]:
    """A DATABASE_URL of an empty database."""
    if not options.postgresql:
        yield f"sqlite:///{folder}/many-writers.sqlite3"
        return
    from tests.postgresql import running

    with running() as server:
        yield server.create("many_writers")


def functions(sandbox: "Sandbox", names: int, revokes: int) -> "list[Policy]":
    """New functions, read; what is to be revoked stands in their policies, made elsewhere."""
    from django.utils import timezone

    from sharing.aws.functions import StoredPolicy
    from sharing.models import Account, Function, Policy
    from sharing.services.syncing import store_policy

    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    made = []
    for place in range(names):
        name = f"contended-{secrets.token_hex(4)}"
        arn = sandbox.add_function(owner.id, "us-east-1", name)
        old = [statement(arn, f"old-{number}", OLD + number) for number in range(place, revokes, names)]
        document = {"Version": "2012-10-17", "Id": "default", "Statement": old}
        if old:
            sandbox.put_policy(arn, document)
        function = Function.objects.create(account=Account.objects.get(number=owner.id), region="us-east-1", name=name, arn=arn)
        policy = Policy.objects.create(function=function)
        store_policy(policy, StoredPolicy(json.dumps(document), "a-revision") if old else None, read_at=timezone.now())
        made.append(Policy.objects.select_related("function__account", "current").get(pk=policy.pk))
    return made


def statement(arn: str, sid: str, number: int) -> dict[str, Any]:
    """One account may invoke."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{number}:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
    }


def contend(sandbox: "Sandbox", policies: "Sequence[Policy]", *, grants: int, revokes: int, processes: int) -> Result:
    """Ask for everything at once, and let workers and another tool at it until nothing is left to do."""
    from django.db import connections

    from sharing.models import Actor, Grant
    from sharing.models.grant import UNSETTLED
    from sharing.services import granting

    by = Actor.at_shell("benchmark")
    asked = []
    for policy in policies if revokes else ():
        version = policy.current
        if version is None:
            continue
        for index in range(len(json.loads(version.document)["Statement"])):
            asked.append(granting.revoke_statement(policy, index=index, version_pk=version.pk, by=by, reason="Measured").pk)
    for number in range(grants):
        plan = granting.plan(
            policy=policies[number % len(policies)],
            who=str(NEW + number),
            action="lambda:GetFunctionConfiguration",
            by=by,
        )
        if not plan.ok:
            raise AssertionError(f"It could not be asked for: {plan.problems}")
        asked.append(granting.grant(plan, reason="Measured", by=by, anyway=True).pk)
    connections.close_all()
    sandbox.journal.clear()
    result = Result()
    tool = AnotherTool(sandbox, [policy.function.name for policy in policies])
    began = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.many_writers", "--worker"]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(processes)]
    try:
        tool.start()
        while Grant.objects.filter(pk__in=asked, state__in=UNSETTLED).exists():
            if not any(process.poll() is None for process in workers):
                raise AssertionError("Every worker ended before all was done.")
            time.sleep(0.2)
        result.seconds = time.monotonic() - began
    finally:
        tool.end()
        for process in workers:
            process.kill()
            process.wait()
    result.edits = tool.edits
    calls = [call for call in sandbox.journal if call.service == "lambda"]
    result.calls = Counter(call.operation for call in calls if call.caller_arn.startswith("arn:aws:sts:"))
    result.stale = sum(call.status == 412 for call in calls)
    compare(sandbox, policies, asked, tool, result)
    return result


def compare(sandbox: "Sandbox", policies: "Sequence[Policy]", asked: Sequence[Any], tool: AnotherTool, result: Result) -> None:
    """Each policy holds what its rows say and what the other tool left there, each once, and nothing else."""
    from sharing.models import Event, Grant

    rows = Grant.objects.filter(pk__in=asked)
    result.outcomes = Counter(rows.values_list("state", flat=True))
    for policy in policies:
        arn = policy.arn
        held = Counter(one["Sid"] for one in (sandbox.policy(arn) or {"Statement": []})["Statement"])
        active = rows.filter(policy=policy, state="active").values_list("sid", flat=True)
        expected = Counter([*active, *tool.left[policy.function.name]])
        if held != expected:
            lost, extra = sorted((expected - held).elements()), sorted((held - expected).elements())
            result.wrong.append(f"{arn}: lost {lost[:5]} ({len(lost)}), too many {extra[:5]} ({len(extra)})")
        size = len(json.dumps(sandbox.policy(arn), separators=(",", ":")))
        full = [one for one in rows.filter(policy=policy, state="failed") if "full" in one.failure]
        result.refused += len(full)
        if full and size < LIMIT - 1_000:
            result.wrong.append(f"{arn}: refused as full at {size:,} bytes")
        for failed in rows.filter(policy=policy, state="failed").exclude(pk__in=[one.pk for one in full]):
            result.wrong.append(f"{arn}: {failed.sid} failed: {failed.failure}")
    told = Event.objects.filter(grant__in=asked, verb="grant.active").values_list("grant", flat=True)
    doubled = [pk for pk, many in Counter(told).items() if many > 1]
    result.wrong += [f"Grant {pk}: told to be active more than once" for pk in doubled]


def work() -> int:
    """One worker: whatever is due, in an order of its own, by the entry that messages start. Until it is killed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharing.settings")
    import django

    django.setup()
    import logging

    from django.utils import timezone

    from sharing.services import granting
    from sharing.tasks import reconcile_grant

    logging.disable(logging.WARNING)
    unpace()
    parent = os.getppid()
    while os.getppid() == parent:
        keys = list(granting.due(timezone.now()).values_list("pk", flat=True)[:200])
        if not keys:
            time.sleep(0.1)
        random.shuffle(keys)
        for key in keys[:20]:
            reconcile_grant.run(str(key))
    return 0


if __name__ == "__main__":
    sys.exit(main())
