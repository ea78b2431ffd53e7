"""By which rules what is kept was made: after an upgrade it may be those of the version before."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Renewal(models.Model):
    """How far what is kept was made by the rules of the version that runs: one row; none: nothing was ever kept by others.

    `mark`: of all rules by which everything was made (services.renewing.MARK); "": some of it is of unknown rules. `made`: by
    name, the version of the rules by which it was made, and those of which the `checkpoint` is: the last key done of what is
    being made anew.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    mark = models.CharField(max_length=200, blank=True)
    made = models.JSONField(default=dict, blank=True)
    checkpoint = models.CharField(max_length=36, blank=True)
    since = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="renewal_one_row"),)

    def __str__(self) -> str:
        return self.mark or f"being made anew since {self.since}"
