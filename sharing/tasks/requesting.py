"""What a worker does about requests for access."""

from celery import shared_task

from sharing.services import requesting

from .mailing import send_notice
from .queueing import soon


@shared_task(name="sharing.take_up_request", ignore_result=True, acks_late=True)
def take_up_request(pk: str) -> None:
    """Look what it means and tell the owners; nothing if that was done."""
    for notice in requesting.take_up(pk):
        soon(send_notice, notice.pk, queue="mail")
