"""Failed sign-ins, counted: an attack of ten thousand attempts is one line of history, not ten thousand."""

from datetime import datetime, timedelta

from django.db import models

from .person import User

#: How long failures are counted together.
QUARTER = timedelta(minutes=15)


class SignInFailureQuerySet(models.QuerySet["SignInFailure"]):
    """Which counts."""

    def over(self, now: datetime) -> "SignInFailureQuerySet":
        """Begun a quarter of an hour ago or longer: ready to be told."""
        return self.filter(began_at__lte=now - QUARTER)


class SignInFailure(models.Model):
    """Failures of one person since `began_at`. Unknown addresses share one row that is never told: the work is the same.

    Not history: the event is written when the quarter of an hour is over, and the row goes.
    """

    key = models.CharField(primary_key=True, max_length=36, editable=False)  # the person's id, or "unknown"
    person = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    began_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)
    last_ip = models.GenericIPAddressField(null=True, blank=True)

    objects = SignInFailureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.count} of {self.key}"
