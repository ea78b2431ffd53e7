"""What a sync costs: calls per function, time against AWS's rates, memory, and the queries of a quiet run.

    python -m benchmarks.sync_calls --functions 1000            # at the full rates, as AWS limits them
    python -m benchmarks.sync_calls --functions 10000 --unpaced # how fast we are ourselves

Runs the sandbox and the sync in one process over real HTTP, with a database of its own in a temporary folder.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter

from benchmarks.story_aws import connect, pace_alone, prepare, unpace

RATE = 15.0


def main() -> int:
    """Measure and print; exit status 1 when a promise is broken."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="sync-calls") as folder:
        prepare(f"sqlite:///{folder}/sync.sqlite3")
        return measure(options)


def arguments() -> argparse.Namespace:
    """How many functions, and whether AWS's rates count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", type=int, default=1000)
    parser.add_argument("--shared", action="store_true", help="give every function a policy")
    parser.add_argument("--unpaced", action="store_true", help="without AWS's rates")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> int:
    """One first sync and one quiet one."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from sharing.models import Actor, Event, Policy, Sync
    from sharing.sandbox.server import Sandbox
    from sharing.services import syncing

    sandbox = Sandbox(story="demo").start()
    try:
        connect(sandbox)
        sandbox.add_many_functions(options.functions, shared_with="111122223333" if options.shared else "")
        if options.unpaced:
            unpace()
        else:
            sandbox.switches.rate_limits = True
            pace_alone()
        operator = Actor.at_shell("benchmark")
        broken = 0
        for name in ("first", "quiet"):
            sandbox.journal.clear()
            [sync] = syncing.request(by=operator, pace_share=1.0)
            policies = Policy.objects.count()
            began, processor = time.monotonic(), time.process_time()
            with CaptureQueriesContext(connection) as queries:
                while syncing.run(sync.pk):
                    pass
            took, worked = time.monotonic() - began, time.process_time() - processor
            sync = Sync.objects.get(pk=sync.pk)
            calls = Counter(call.operation for call in sandbox.journal if call.service == "lambda")
            refused = sum(call.status == 429 for call in sandbox.journal)
            functions = sync.total or 0
            aliases = calls["GetPolicy"] - functions
            promised = {"ListFunctions": -(-functions // 50), "ListAliases": functions, "GetPolicy": functions + aliases}
            bound = max(calls["GetPolicy"], calls["ListAliases"] + calls["ListFunctions"]) / RATE
            written = sum(query["sql"].startswith(("INSERT", "UPDATE", "DELETE")) for query in queries)
            print(f"{name}: {sync.state}, {functions} functions, {sync.unread} unread, {sync.changed} changed")
            print(f"  calls {dict(calls)}, {refused} throttled")
            print(
                f"  {took:.1f} s, lower bound at {RATE:g} a second {bound:.1f} s, processor {worked:.1f} s (sandbox included)"
            )
            print(f"  {len(queries)} queries, {written} of them writes; most memory {_megabytes():.0f} MB (sandbox included)")
            kept = dict(calls) == promised and sync.state == "done"
            if name == "quiet":
                kept = kept and sync.changed == 0 and policies == Policy.objects.count()
            if not kept:
                broken += 1
                print(f"  PROMISE BROKEN: expected {promised}")
        print(f"history: {Event.objects.count()} events")
        return 1 if broken else 0
    finally:
        sandbox.stop()


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
