"""What many shares at once cost: calls to AWS, time against AWS's rates, and whether being killed changes the outcome.

    python -m benchmarks.bulk                    # 100 functions with 10 accounts, at the full rates, as AWS limits them
    python -m benchmarks.bulk --kills 3          # the same without rates, its worker killed three times on the way

The sandbox runs in this process, the worker in one of its own, over real HTTP, with a database in a temporary folder.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.story_aws import connect, pace_alone, prepare, unpace

if TYPE_CHECKING:
    from sharing.models import Bulk
    from sharing.sandbox.server import Sandbox

RATE = 15.0
#: As much more than the limits dictate as is allowed.
ALLOWED = 1.1


def main() -> int:
    """Measure and print; exit status 1 when a promise is broken."""
    options = arguments()
    if options.worker:
        return worker(options.worker, paced=not options.kills)
    with tempfile.TemporaryDirectory(prefix="bulk") as folder:
        # What a killed worker makes the next one wait.
        prepare(f"sqlite:///{folder}/bulk.sqlite3", LEASE_SECONDS="5" if options.kills else "45")
        return measure(options)


def arguments() -> argparse.Namespace:
    """How many, and how often the worker dies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", type=int, default=100)
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(options: argparse.Namespace) -> int:
    """One bulk from its preview to its last statement."""
    from sharing.sandbox.server import Sandbox
    from sharing.services import bulk as bulks

    with Sandbox(story="demo") as sandbox:
        bulk = start(sandbox, options)
        sandbox.journal.clear()
        sandbox.switches.rate_limits = not options.kills
        began = time.monotonic()
        killed = run(bulk, options)
        took = time.monotonic() - began
        calls = Counter(call.operation for call in sandbox.journal if call.service == "lambda")
        refused = sum(call.status == 429 for call in sandbox.journal)
        functions, accounts = options.functions, options.accounts
        wanted = {"GetPolicy": functions * (accounts + 1), "AddPermission": functions * accounts}
        bound = max(wanted.values()) / RATE
        right = held_right(sandbox, bulk, accounts)
        print(f"outcomes {bulks.tally(bulk)}, killed {killed} times")
        print(f"  calls {dict(calls)} of {wanted}, {refused} throttled")
        print(f"  {right} of {functions} policies hold exactly their {accounts} statements and no other")
        kept = right == functions and killed == options.kills
        if not options.kills:
            print(f"  {took:.1f} s; the limits dictate {bound:.1f} s: {took / bound:.2f} times as long")
            kept = kept and took <= bound * ALLOWED and all(calls[name] <= wanted[name] * ALLOWED for name in wanted)
        if not kept:
            print("  PROMISE BROKEN")
        return 0 if kept else 1


def start(sandbox: "Sandbox", options: argparse.Namespace) -> "Bulk":
    """Connect the story's owner, add functions, and confirm the bulk; how long its preview took is printed."""
    from sharing.models import Actor
    from sharing.services import bulk as bulks
    from sharing.services import syncing

    sandbox.add_many_functions(options.functions)
    unpace()
    connect(sandbox)
    by = Actor.at_shell("benchmark")
    [sync] = syncing.request(by=by, pace_share=1.0)
    while syncing.run(sync.pk):
        pass
    numbers = [f"{700_000_000_000 + number}" for number in range(options.accounts)]
    lines = bulks.from_picks(made(options.functions), numbers, action="lambda:InvokeFunction", ends_at=None, reason="Measured")
    began = time.monotonic()
    bulk = bulks.draft(lines, title="Measured", reason="Measured", by=by)
    print(f"preview of {len(lines):,} lines: {time.monotonic() - began:.2f} s, {bulks.verdicts(bulk)}")
    return bulks.confirm(bulk, by=by, judged_at=bulk.judged_at)


def made(count: int) -> list[str]:
    """The ARNs of the functions that were added, not the story's own."""
    from sharing.models import Function, Reading

    found = Function.objects.filter(policies__qualifier="", policies__reading=Reading.NONE).order_by("-name")
    return list(found.values_list("arn", flat=True)[:count])


def run(bulk: "Bulk", options: argparse.Namespace) -> int:
    """Have a worker do it all; kill it as often as asked, each time after another part of the grants was made."""
    from sharing.models import Grant

    command = [sys.executable, "-m", "benchmarks.bulk", "--worker", str(bulk.pk), "--kills", str(options.kills)]
    parts = options.functions * options.accounts / (options.kills + 1)
    killed = 0
    while True:
        process = subprocess.Popen(command)
        while process.poll() is None:
            if killed < options.kills and Grant.objects.count() >= parts * (killed + 1):
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
                break
            time.sleep(0.05)
        else:
            return killed


def worker(pk: str, *, paced: bool) -> int:
    """A worker with as many hands as a bulk may have: each takes turns until nothing is left."""
    import django

    django.setup()
    from django.db import connections

    from sharing.models import Bulk, BulkState
    from sharing.services import bulk as bulks

    if paced:
        pace_alone()
    else:
        unpace()

    def hand() -> None:
        while Bulk.objects.filter(pk=pk, state=BulkState.RUNNING).exists():
            if not bulks.work(pk).more:
                time.sleep(0.2)
        connections.close_all()

    hands = [threading.Thread(target=hand) for _ in range(bulks.HANDS)]
    for one in hands:
        one.start()
    for one in hands:
        one.join()
    return 0


def held_right(sandbox: "Sandbox", bulk: "Bulk", accounts: int) -> int:
    """How many policies hold one statement for each account, each the grant's own, and no other."""
    from sharing.models import Grant

    right = 0
    for place in bulk.places.select_related("policy__function"):
        document = sandbox.policy(place.policy.arn) or {"Statement": []}
        held = sorted(statement["Sid"] for statement in document["Statement"])
        grants = Grant.objects.filter(policy=place.policy, state="active").values_list("sid", flat=True)
        right += len(held) == accounts and held == sorted(grants)
    return right


if __name__ == "__main__":
    sys.exit(main())
