"""Where the head of the history's chain was sent, so that whoever writes to the database cannot make it anew unseen."""

from django.db import models
from django.utils import timezone


class Shipment(models.Model):
    """One seal sent to one destination outside (HISTORY_SHIP_TO), or a try that failed (`failure`)."""

    destination = models.CharField(max_length=300)
    number = models.BigIntegerField(help_text="The seal's.")
    digest = models.CharField(max_length=64)
    failure = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-at", "-id")
        indexes = (models.Index(fields=["destination", "-at"], name="shipment_latest"),)

    def __str__(self) -> str:
        return f"seal {self.number} to {self.destination}"


class Erasure(models.Model):
    """One line of history in which the name of a person was replaced: digests of the line before and after.

    `event`: the id of the event that tells of it; it holds a digest of all erasures of that time. What was there is nowhere.
    """

    event = models.UUIDField(db_index=True)
    sequence = models.BigIntegerField(db_index=True)
    before = models.CharField(max_length=64)
    after = models.CharField(max_length=64)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=["event", "sequence"], name="erasure_once"),)

    def __str__(self) -> str:
        return f"line {self.sequence}"
