"""What a worker does about mail."""

from celery import shared_task

from sharing.services import mailing

from .seats import seated_together


@shared_task(name="sharing.send_notice", ignore_result=True, acks_late=True)
@seated_together("mail")
def send_notice(pk: str) -> None:
    """Send it, unless it was sent, waits for a later try or is not needed any more."""
    mailing.send(pk)
