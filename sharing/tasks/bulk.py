"""What a worker does about many shares at once."""

from celery import shared_task

from sharing.services import bulk

from .queueing import soon
from .reading import clicks_wait
from .sharing import run_check


@shared_task(name="sharing.work_bulk", ignore_result=True, acks_late=True)
def work_bulk(pk: str) -> None:
    """One turn at a bulk, behind whatever people wait for; again while there is more. Checks go where all checks go."""
    # Not for checks: most of those that wait are its own, and each policy would be read anew after every item.
    done = bulk.work(pk, make_way=lambda: clicks_wait(("clicks",)))
    for check in done.checks:
        soon(run_check, check, queue="checks")
    if done.more:
        soon(work_bulk, pk, queue="sync")


def begin(pk: object) -> None:
    """Tell as many workers as one bulk may have."""
    for _ in range(bulk.HANDS):
        soon(work_bulk, str(pk), queue="sync")
