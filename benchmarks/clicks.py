"""From a click to Active, beside the calls that it cannot do without, and beside thousands of due syncs.

    python -m benchmarks.clicks                 # 50 grants in flight on 10 accounts, then again beside 4,000 due syncs
    python -m benchmarks.clicks --grants 100 --accounts 20 --due 0

Claims, with so many grants in flight: from telling a worker of the committed rows, all at once, until each is active takes
at the median within 1.5 times what GetPolicy + AddPermission + GetPolicy on a session that is open already take together
with one empty Celery task, both measured on the same machine and as many at once; at the 95th percentile within 2 times. And
the slowest is delayed by less than 2 s when 4,000 syncs are due. Measured with the workers as an installation runs them,
over real HTTP against a sandbox in a process of its own that enforces AWS's limits, and takes 60 ms for each answer, as AWS
about does. The due places are of roles that AWS does not let us into: what they cost is the queueing. Exit status 1 when a
claim does not hold. DATABASE_URL: another database than SQLite, empty.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from celery import shared_task

from benchmarks.live_aws import REGION, Aws, live_aws, processor, said
from sharing.aws.pace import connect
from sharing.running import programs

MEDIAN, P95, DELAY = 1.5, 2.0, 2.0
CONSUMER, OTHER = "111122223333", "222233334444"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grants", type=int, default=50, help="in flight at once")
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--due", type=int, default=4000, help="syncs that are due meanwhile")
    parser.add_argument("--latency", type=float, default=0.06, help="seconds that AWS takes for an answer")
    options = parser.parse_args()
    each = -(-options.grants // options.accounts)
    logging.disable(logging.INFO)
    with live_aws([20 * (each + 1)] * options.accounts) as aws:
        aws.asked("POST", "switches", {"latency": options.latency})
        targets = [(number, f"bulk-{n:05d}") for n in range(each) for number in aws.accounts][: options.grants]
        further = [(number, f"shared-{n:05d}") for n in range(each) for number in aws.accounts][: options.grants]
        with tempfile.TemporaryDirectory(prefix="click") as folder, workers(Path(folder)) as pids:
            settled([clicked(number, f"bulk-{each:05d}") for number in aws.accounts])  # everything has run once
            quiet()
            bare = processor([aws.pid])
            calls = bare_calls(aws, targets)
            bare = processor([aws.pid]) - bare
            nothing = processor(pids)
            empty = empty_tasks(len(targets))
            nothing = processor(pids) - nothing
            grants = [clicked(*target) for target in targets]
            beside = [one + task for one, task in zip(calls, empty, strict=True)]
            began, before = time.time(), [processor(pids), processor([aws.pid])]
            took = settled(grants)
            of_workers, of_aws = processor(pids) - before[0], processor([aws.pid]) - before[1]
            more = [clicked(*target) for target in further]
            queued = beset(options.due)
            beside_syncs = settled(more)
        print(f"{len(targets)} grants in flight on {options.accounts} accounts, {time.time() - began:.1f} s in all")
        kept = [
            said("median", statistics.median(took), statistics.median(beside), MEDIAN),
            said("95th percentile", p95(took), p95(beside), P95),
            max(beside_syncs) - max(took) < DELAY,
        ]
        ms = 1000 / len(targets)
        print(f"  processor of each grant: {of_workers * ms:.0f} ms of the workers, {of_aws * ms:.0f} ms of the sandbox;")
        print(f"  of the three bare calls {bare * ms:.0f} ms of the sandbox, of an empty task {nothing * ms:.1f} ms of the workers")
        print(f"  an empty task alone: median {statistics.median(empty):.2f} s, 95th percentile {p95(empty):.2f} s")
        print(f"  beside {options.due} due syncs, {queued} of them queued or running at most:")
        print(f"  slowest {max(beside_syncs):.2f} s against {max(took):.2f} s without (claim: less than {DELAY:g} s more)")
        return 0 if all(kept) else 1


def bare_calls(aws: Aws, targets: Sequence[tuple[str, str]]) -> list[float]:
    """GetPolicy, AddPermission, GetPolicy of each at once, paced like a click, on sessions that are open: seconds of each."""
    from sharing.aws.pace import Pace
    from sharing.models import Connection
    from sharing.services import connecting

    pace = Pace(os.environ["REDIS_URL"])
    connections = {one.account.number: one for one in Connection.objects.select_related("account")}
    clients = {number: client(connecting.role(connections[number])) for number in aws.accounts}

    def run(target: tuple[str, str]) -> float:
        number, name = target
        lambda_ = clients[number]
        steps: list[tuple[Any, Callable[[], Any]]] = [
            ("get-policy", lambda: policy_of(lambda_, name)),
            ("control", lambda: lambda_.add_permission(**permission(name))),
            ("get-policy", lambda: policy_of(lambda_, name)),
        ]
        began = time.monotonic()
        for group, call in steps:
            pace.wait(number, REGION, group, purpose="click")
            call()
        return time.monotonic() - began

    with ThreadPoolExecutor(len(targets)) as pool:
        return list(pool.map(run, targets))


def client(role: Any) -> Any:
    """Lambda in the account, on a session that may share."""
    from sharing.aws import session

    made = session.client("lambda", REGION, role, session_name="benchmark")
    policy_of(made, "bulk-00000")
    return made


def policy_of(lambda_: Any, name: str) -> None:
    """GetPolicy; none is an answer too."""
    with contextlib.suppress(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_policy(FunctionName=name)


def permission(name: str) -> dict[str, str]:
    """AddPermission for somebody whom the grants are not about."""
    return {"FunctionName": name, "StatementId": "bare", "Action": "lambda:InvokeFunction", "Principal": OTHER}


def empty_tasks(many: int) -> list[float]:
    """So many empty tasks at once: seconds until a worker has done each."""
    from sharing.celery import app  # noqa: F401  # the app that the task belongs to

    broker, key = connect(os.environ["REDIS_URL"]), "benchmark:done"
    broker.delete(key)
    sent = time.time()
    for _ in range(many):
        empty.apply_async((), queue="clicks")
    while broker.llen(key) < many:
        time.sleep(0.01)
    done: Any = broker.lrange(key, 0, -1)
    return [float(at) - sent for at in done]


@shared_task(name="benchmarks.empty", ignore_result=True, acks_late=True)
def empty() -> None:
    """Nothing but saying when."""
    connect(os.environ["REDIS_URL"]).rpush("benchmark:done", repr(time.time()))


def clicked(number: str, name: str) -> Any:
    """What a click does: decide and commit. The grant."""
    from django.utils import timezone

    from sharing.models import Account, Actor, Function, Policy, Reading
    from sharing.services import granting

    account = Account.objects.get(number=number)
    arn = f"arn:aws:lambda:{REGION}:{number}:function:{name}"
    function, _ = Function.objects.get_or_create(arn=arn, defaults={"account": account, "region": REGION, "name": name})
    policy, _ = Policy.objects.get_or_create(
        function=function, qualifier="", defaults={"reading": Reading.NONE, "read_at": timezone.now()}
    )
    by = Actor.at_shell("benchmark")
    plan = granting.plan(policy=policy, who=CONSUMER, by=by)
    return granting.grant(plan, reason="Benchmark", by=by, anyway=True)


def settled(grants: Sequence[Any]) -> list[float]:
    """Tell a worker of all of them, and wait until all are active: seconds of each from then on."""
    from django.utils import timezone

    from sharing.models import Grant
    from sharing.tasks import reconcile_grant, soon

    pks = [grant.pk for grant in grants]
    told = timezone.now()
    for pk in pks:
        soon(reconcile_grant, pk)
    ends = time.monotonic() + 120
    while Grant.objects.filter(pk__in=pks, state="active").count() < len(pks):
        if time.monotonic() > ends:
            states = list(Grant.objects.filter(pk__in=pks).values_list("state", "failure").distinct())
            raise SystemExit(f"Not all grants became active: {states}")
        time.sleep(0.05)
    times = Grant.objects.filter(pk__in=pks).values_list("settled_at", flat=True)
    return [(active - told).total_seconds() for active in times if active]


def quiet() -> None:
    """Until the workers have read the accounts for the first time: that is `benchmarks.sync`, and would be measured here."""
    from sharing.models import Sync

    ends, still = time.monotonic() + 240, 0
    while still < 3:
        time.sleep(1)
        still = 0 if Sync.objects.open().exists() else still + 1
        if time.monotonic() > ends:
            raise SystemExit("The first reads of the accounts do not end.")


def beset(due: int) -> int:
    """Have so many places due, twenty regions an account, and a sweep look for them. The most that then wait or run."""
    from sharing.models import Account, Connection, Purpose, Sync
    from sharing.tasks import sweep

    rows = Account.objects.bulk_create([Account(number=f"{7000 + n:012}", name=f"Due {n}") for n in range(due // 20)])
    Connection.objects.bulk_create(
        Connection(
            account=row,
            purpose=Purpose.MANAGER,
            state="connected",
            regions=[f"xx-place-{n}" for n in range(20)],
            role_arn=f"arn:aws:iam::{row.number}:role/none",
            external_id=f"none-{row.number}",
        )
        for row in rows
    )
    sweep.delay()
    most, ends = 0, time.monotonic() + 60
    while due and Sync.objects.filter(state="failed").count() < 20 and time.monotonic() < ends:
        most = max(most, Sync.objects.open().exclude(announced_at=None).count())
        time.sleep(0.02)
    return most


class workers:  # noqa: N801  # reads as a sentence
    """The workers, as an installation runs them; their process ids."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> list[int]:
        for program in programs.product(port=1, folder=self._folder):
            if program.name in programs.WORKERS:
                command = [*program.command, "--include", "benchmarks.clicks"]
                nowhere = subprocess.DEVNULL
                self._running.append(subprocess.Popen(command, stdout=nowhere, stderr=nowhere))
        return [process.pid for process in self._running]

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait()


def p95(seconds: Sequence[float]) -> float:
    """The 95th percentile."""
    return sorted(seconds)[max(0, -(-len(seconds) * 95 // 100) - 1)]


if __name__ == "__main__":
    sys.exit(main())
