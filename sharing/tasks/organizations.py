"""What a worker does about organisations."""

from celery import shared_task
from django.utils import timezone

from sharing.services import joining, organizations

from .joining import join_accounts
from .queueing import soon


@shared_task(name="sharing.read_organization", ignore_result=True, acks_late=True)
def read_organization(pk: str) -> None:
    """Read who belongs to it, if that is due; what fails is on the row, and the sweep asks again. Then whoever is new joins."""
    organizations.read(pk)
    for placed in organizations.units_due(timezone.now()):
        soon(read_units, placed, queue="sync")
    for due in joining.due(timezone.now()):
        soon(join_accounts, due, queue="sync")


@shared_task(name="sharing.read_units", ignore_result=True, acks_late=True)
def read_units(pk: str) -> None:
    """Read its units and who is in which, if that is due; what fails is on the row. Two calls for each unit, at a slow pace."""
    organizations.read_units(pk)
