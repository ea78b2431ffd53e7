"""What a worker does about organisations."""

from celery import shared_task

from sharing.services import organizations


@shared_task(name="sharing.read_organization", ignore_result=True, acks_late=True)
def read_organization(pk: str) -> None:
    """Read who belongs to it, if that is due; what fails is on the row, and the sweep asks again."""
    organizations.read(pk)
