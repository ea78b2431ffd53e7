"""Whom the organisation knows: accounts and organisations that are no strangers."""

import re
import uuid
from typing import Final

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .person import User

_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_ORGANIZATION: Final = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)


class TrustKind(models.TextChoices):
    """What can be trusted."""

    ACCOUNT = "account", "Account"
    ORGANIZATION = "organization", "Organisation"


class Trusted(models.Model):
    """One entry of the trust list. Trust colours what is shown (zone "trusted"), it never hides or excuses anything.

    `value`: 12 digits, or an organisation id (o- and 10 to 32 letters and digits).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=TrustKind)
    value = models.CharField(max_length=40)
    note = models.CharField(max_length=200, blank=True)
    added_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    added_as = models.CharField(max_length=300)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("kind", "value")
        verbose_name_plural = "trusted"
        constraints = (
            models.UniqueConstraint(fields=["value"], name="trusted_once", violation_error_message="This is trusted already."),
            models.CheckConstraint(condition=Q(kind__in=TrustKind.values), name="trusted_kind_known"),
        )

    def __str__(self) -> str:
        return self.value

    def clean(self) -> None:
        """The value has the form of its kind."""
        form = _ACCOUNT if self.kind == TrustKind.ACCOUNT else _ORGANIZATION
        if not form.fullmatch(self.value):
            wanted = "an account id has exactly 12 digits" if form is _ACCOUNT else "an organisation id looks like o-a1b2c3d4e5"
            raise ValidationError({"value": f"{self.value!r} cannot be trusted: {wanted}."})
