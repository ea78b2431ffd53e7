"""The accounts that may be consumers, as a list of them is searched and ordered."""

from collections.abc import Iterable

from django.db import models

#: What an account is called that nobody named.
NAMELESS = "Unknown account"


class KeptConsumerQuerySet(models.QuerySet["KeptConsumer"]):
    """Which of them; and the only writers."""

    def keep(self, numbers: Iterable[str]) -> None:
        """That these accounts came up, if nobody kept it yet. In the transaction that writes the row which names them."""
        self.bulk_create([KeptConsumer(number=one) for one in sorted(set(numbers))], ignore_conflicts=True, batch_size=500)

    def call(self, named: Iterable[tuple[str, str]]) -> None:
        """How these accounts (digits, name) are called from now on."""
        self.bulk_create(
            [KeptConsumer(number=number, nameless=False, name=name.casefold()) for number, name in sorted(named)],
            update_conflicts=True,
            unique_fields=["number"],
            update_fields=["nameless", "name"],
            batch_size=500,
        )


class KeptConsumer(models.Model):
    """The digits of one account that is known here, or that a policy, a share or an invitation ever named.

    Written with an account, a grant, an invitation (by their `save`) and with tallies (services.tallying), so that nobody is
    missing, and never taken away: whether it is a consumer now, and for whom, is asked of the rows themselves
    (services.consumers.listing).
    `name`: folded, as accounts are searched and ordered.
    """

    number = models.CharField(primary_key=True, max_length=12)
    nameless = models.BooleanField(default=True)
    name = models.CharField(max_length=250, default=NAMELESS.casefold())

    objects = KeptConsumerQuerySet.as_manager()

    class Meta:
        ordering = ("nameless", "name", "number")
        indexes = (models.Index(fields=["nameless", "name", "number"], name="keptconsumer_by_name"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"
