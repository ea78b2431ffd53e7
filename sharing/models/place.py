"""How far each account and region was read: derived from sweeps and connections by services.places, never decided here."""

import uuid

from django.db import models

from .account import Account, Connection
from .person import Actor


class ReadPlaceQuerySet(models.QuerySet["ReadPlace"]):
    """Which places."""

    def visible_to(self, actor: Actor) -> "ReadPlaceQuerySet":
        """Places of accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(account__in=Account.objects.visible_to(actor))

    def standing(self) -> "ReadPlaceQuerySet":
        """Those that a manager role is for that was not disconnected: read by it, or enabled in its account and left out."""
        return self.filter(connection__isnull=False)


def key_of(account_id: uuid.UUID, region: str) -> uuid.UUID:
    """The key of a place's row: nobody has to look for the row to name it."""
    return uuid.uuid5(account_id, region)


class ReadPlace(models.Model):
    """One account and region: what a manager role does there, and how its sweeps ended.

    Both are written by whoever changes them, in the same transaction and without a look at the other, so that neither waits.
    `connection`, `position`, `aside`: by what chooses regions. `read_at`, `failed` and why: by what ends a sweep.
    """

    id = models.UUIDField(primary_key=True, editable=False, help_text="See key_of.")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    region = models.CharField(max_length=30)
    connection = models.ForeignKey(
        Connection, null=True, on_delete=models.SET_NULL, related_name="+", help_text="Null: nobody reads it."
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="Among the connection's regions, those left out last.")
    aside = models.PositiveSmallIntegerField(default=0, help_text="0: it is read; otherwise its number among those left out.")
    read_at = models.DateTimeField(null=True, help_text="The start of the last sweep that came to its end.")
    failed = models.BooleanField(default=False, help_text="The sweep that ended last failed.")
    failure = models.TextField(blank=True)
    failure_next = models.TextField(blank=True)

    objects = ReadPlaceQuerySet.as_manager()

    class Meta:
        ordering = ("account", "position")
        constraints = (models.UniqueConstraint(fields=["account", "region"], name="readplace_once"),)

    def __str__(self) -> str:
        return f"{self.account_id} {self.region}: {self.read_at}"
