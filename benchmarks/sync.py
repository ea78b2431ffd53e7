"""How near a sync comes to the time that AWS's limits dictate, alone and with many accounts at once.

    python -m benchmarks.sync                                  # 400 functions alone, 20 accounts of 30: under two minutes
    python -m benchmarks.sync --functions 3000 --each 600      # larger
    python -m benchmarks.sync --places 20 --rate 15            # at AWS's own rate with every place; needs enough processors

One process with a thread a sync, as the worker runs them, its pace in Valkey, over real HTTP against a sandbox in a process
of its own that enforces AWS's limits. Claims, at a pace share of 1:

- one region within 1.05 times max(GetPolicy, other calls) / 15 a second (aws-facts 4),
- twenty accounts at once within 1.1 times the slowest of them alone, under 1 % of the calls throttled,
- memory stays after the first: functions are kept in batches, clients in least-recently-used order,
- a quiet sync leaves one row.

Twenty places at 15 and 15 calls a second are 600 calls a second, which the sandbox and the sync cannot both do on two
processors; so many places go at `--rate` (1.5 unless said otherwise) alone and together. Exit status 1 when a claim does not
hold.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.live_aws import REGION, Aws, live_aws, said

WITHIN_BOUND, WITHIN_ALONE, THROTTLED, MEMORY = 1.05, 1.1, 0.01, 1.1


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", type=int, default=400, help="of the region that is read alone")
    parser.add_argument("--each", type=int, default=30, help="functions of each of many places")
    parser.add_argument("--places", type=int, default=20)
    parser.add_argument("--rate", type=float, default=1.5, help="calls a second and group of each of many places")
    options = parser.parse_args()
    with live_aws([options.functions, *[options.each] * (options.places + 1), *[options.each // 4] * options.places]) as aws:
        kept = [alone(aws), together(aws, options.rate)]
    return 0 if all(kept) else 1


def alone(aws: Aws) -> bool:
    """One region at AWS's full rate, then again when nothing changed."""
    from sharing.models import Event, Sync

    [took], memory = read(aws.accounts[:1])
    calls, refused = aws.calls()
    bound = (max(calls["GetPolicy"], calls.total() - calls["GetPolicy"]) - refused) / 15
    print(f"one region, {calls['ListAliases']} functions: {calls.total()} calls, {refused} throttled")
    kept = said("time by AWS's limits", took, bound, WITHIN_BOUND)
    rows = rows_kept()
    [quiet], after = read(aws.accounts[:1])
    more = rows_kept() - rows
    print(f"  quiet sync: {quiet:.1f} s, {more} row more, {Event.objects.count()} events, {Sync.objects.count()} syncs")
    print(f"  memory: {memory:.0f} MB at first, {after:.0f} MB at the quiet one")
    return kept and more == 1


def together(aws: Aws, rate: float) -> bool:
    """A place alone, then many at once, then many others; each at `rate`."""
    from sharing.aws import pace

    pace.RATE = rate
    pace._BURST = max(1 + pace._LEFT_TO_CLICKS, rate / 3)
    _, first, *others = aws.accounts
    many, more = others[: len(others) // 2], others[len(others) // 2 :]
    [single], little = read([first])
    aws.forget()
    began = time.process_time()
    took, memory = read(many)
    processor = time.process_time() - began
    calls, refused = aws.calls()
    print(f"{len(many)} accounts at {rate:g} a second each: {calls.total()} calls, {refused} throttled")
    kept = said("the slowest beside one alone", max(took), single, WITHIN_ALONE)
    print(f"  throttled: {refused / calls.total():.4f} of the calls (claim: under {THROTTLED})")
    print(f"  processor: {1000 * processor / calls.total():.1f} ms a call; {calls.total() / max(took):.0f} calls a second")
    _, later = read(more)
    print(
        f"  memory: {little:.0f} MB with one, {memory:.0f} MB with {len(many)} at once, {later:.0f} MB with {len(more)} others"
        f" after them: {later / memory:.2f} (claim: {MEMORY})"
    )
    return kept and refused < THROTTLED * calls.total() and later < MEMORY * memory


def read(numbers: list[str]) -> tuple[list[float], float]:
    """Sync these accounts at once: seconds of each, and the most memory meanwhile in MB."""
    from django.db import connection

    from sharing.models import Account, Actor, Sync
    from sharing.services import syncing

    label = Actor.system().label  # as the schedule asks: what nobody asked for is not told in history
    accounts = Account.objects.filter(number__in=numbers)
    syncs = [Sync.objects.create(account=one, region=REGION, pace_share=1.0, requested_as=label) for one in accounts]
    began = time.monotonic()

    def run(sync: Any) -> float:
        while syncing.run(sync.pk):
            pass
        connection.close()
        return time.monotonic() - began

    with Memory() as memory, ThreadPoolExecutor(len(syncs)) as pool:
        took = list(pool.map(run, syncs))
    ended = Sync.objects.filter(pk__in=[sync.pk for sync in syncs]).values_list("state", "failure")
    assert {state for state, _ in ended} == {"done"}, list(ended)
    return took, memory.most


def rows_kept() -> int:
    """Rows of everything that is remembered."""
    from django.apps import apps

    return sum(model._default_manager.count() for model in apps.get_app_config("sharing").get_models())


class Memory:
    """The most that this process holds while it is open, in MB, looked at ten times a second."""

    def __enter__(self) -> Memory:
        self.most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.most = max(self.most, pages * 4096 / 1024 / 1024)
            if self._over.wait(0.1):
                return


if __name__ == "__main__":
    sys.exit(main())
