"""The list of mappings as it was kept: derived from what was read by services.waking.keeping, never decided here."""

from django.db import models
from django.utils import timezone

from .account import Account
from .function import Function
from .person import Actor


class KeptWakerQuerySet(models.QuerySet["KeptWaker"]):
    """Which rows of the list."""

    def visible_to(self, actor: Actor) -> "KeptWakerQuerySet":
        """Rows of functions in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(account__in=Account.objects.visible_to(actor))


class KeptWaker(models.Model):
    """One thing that can wake one function (services.waking.Waker), with what the list is searched, narrowed and ordered by.

    `place`: where it stands among those of its function. `problems`: its problems between spaces, " open off ", "" for none;
    `worst`: how bad the worst is. `source`: its name; `words`: what a search looks through, folded, but for names of
    accounts, which may change.
    `rest`: everything else a row says.
    """

    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False, help_text="The owner.")
    place = models.PositiveIntegerField()
    name = models.CharField(max_length=140)
    region = models.CharField(max_length=30)
    number = models.CharField(max_length=12)
    qualifier = models.CharField(max_length=128, blank=True)
    way = models.CharField(max_length=4)
    kind = models.CharField(max_length=30)
    whose = models.CharField(max_length=12, blank=True)
    problems = models.CharField(max_length=120, blank=True)
    worst = models.PositiveSmallIntegerField()
    source = models.TextField(blank=True)
    words = models.TextField()
    rest = models.JSONField(default=dict)

    objects = KeptWakerQuerySet.as_manager()

    class Meta:
        ordering = ("name", "region", "number", "place")
        constraints = (models.UniqueConstraint(fields=["function", "place"], name="keptwaker_once"),)
        indexes = (
            models.Index(fields=["name", "region", "number", "place"], name="keptwaker_by_name"),
            models.Index(fields=["worst", "name", "region", "number", "place"], name="keptwaker_by_worst"),
            # All that is counted above the list, so that no row is read for it.
            models.Index(fields=["kind", "problems", "way", "account", "function"], name="keptwaker_by_kind"),
            models.Index(fields=["account", "kind", "problems", "way", "function"], name="keptwaker_by_account"),
            models.Index(fields=["whose", "problems", "account", "function"], name="keptwaker_by_source"),
        )

    def __str__(self) -> str:
        return f"{self.kind} on {self.name}:{self.qualifier}"


class WakerCountQuerySet(models.QuerySet["WakerCount"]):
    """Which counts."""

    def visible_to(self, actor: Actor) -> "WakerCountQuerySet":
        """Counts of functions in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(account__in=Account.objects.visible_to(actor))


class WakerCount(models.Model):
    """How many kept rows of one sort an owner has: the sum of `many` over the rows of that sort, usually one.

    Written with the rows that are counted (services.waking.counting), so the sum is never older or newer than they are.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False, help_text="The owner.")
    way = models.CharField(max_length=4)
    kind = models.CharField(max_length=30)
    problems = models.CharField(max_length=120, blank=True)
    many = models.IntegerField()

    objects = WakerCountQuerySet.as_manager()

    class Meta:
        indexes = (models.Index(fields=["kind", "problems", "way", "account", "many"], name="wakercount_by_kind"),)

    def __str__(self) -> str:
        return f"{self.many} {self.kind} of {self.account_id}"


class SourceCount(models.Model):
    """How many kept rows have a source in this account (`whose`, "" where nothing says it), over all owners; likewise."""

    whose = models.CharField(max_length=12, blank=True)
    many = models.IntegerField()

    class Meta:
        indexes = (models.Index(fields=["whose", "many"], name="sourcecount_by_whose"),)

    def __str__(self) -> str:
        return f"{self.many} from {self.whose}"


class WakingDue(models.Model):
    """What wakes this function has changed: one row a change, written with it, so that no lock is shared."""

    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.function_id} since {self.at}"
