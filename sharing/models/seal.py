"""Seals: what makes it evident when somebody changed, removed or slipped in a line of history."""

from typing import Any

from django.db import models
from django.utils import timezone

from .event import AppendOnly


class SealQuerySet(models.QuerySet["Seal"]):
    """Seals are read and added to, nothing else."""

    def update(self, **_kwargs: Any) -> int:
        """Refused."""
        raise AppendOnly("Seals are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused."""
        raise AppendOnly("Seals are never deleted.")


class Seal(models.Model):
    """A digest over the seal before it and over the events from `first` to `last`.

    `gaps`: sequence numbers in that range that no event had (a rolled-back transaction, or one that was not committed
    yet). `late`: events of earlier gaps that appeared since and are sealed here. `digest`: SHA-256, 64 hex digits, over the
    lines themselves (form 1) or over their digests (form 2: a name in a line can be erased and the seal still tried).
    `signature` and `key`: Ed25519 by a key that only workers have, in base64, and which; empty without HISTORY_KEY_FILE.
    """

    number = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    first = models.BigIntegerField()
    last = models.BigIntegerField(unique=True)
    gaps = models.JSONField(default=list, blank=True)
    late = models.JSONField(default=list, blank=True)
    count = models.PositiveIntegerField(help_text="Events sealed here.")
    digest = models.CharField(max_length=64)
    form = models.PositiveSmallIntegerField(default=1)
    signature = models.CharField(max_length=100, blank=True)
    key = models.CharField(max_length=16, blank=True)

    objects = SealQuerySet.as_manager()

    class Meta:
        ordering = ("number",)

    def __str__(self) -> str:
        return f"{self.number}: events {self.first} to {self.last}, {self.digest[:12]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only."""
        if not self._state.adding:
            raise AppendOnly("Seals are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused."""
        raise AppendOnly("Seals are never deleted.")
