"""Latches: what is decided about one account, one decision at a time."""

from django.db import models


class Latch(models.Model):
    """One account (12 digits): whoever decides what it may use, or that it may use nothing for a while or for good, holds the
    row until that is written (services.granting.pausing). So each sees what the other has decided.

    A row of its own, since not every account that something is shared with has one of those.
    """

    number = models.CharField(primary_key=True, max_length=12)

    class Meta:
        verbose_name_plural = "latches"

    def __str__(self) -> str:
        return self.number
