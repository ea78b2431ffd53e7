"""Who reaches how much of an owner account, counted: derived from exposures by services.tallying, never decided here."""

from django.db import models
from django.utils import timezone

from .account import Account
from .person import Actor


class TallyQuerySet(models.QuerySet["Tally"]):
    """Which counts."""

    def visible_to(self, actor: Actor) -> "TallyQuerySet":
        """Counts of owner accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(account__in=Account.objects.visible_to(actor))


class Tally(models.Model):
    """How many functions of one owner account one party is let into: a cell of the matrix of accounts.

    A party (`kind`, `principal`) is an account with its roles and users, an organisation, a service, everyone, all ghosts.
    Every count is of distinct functions, whatever the number of aliases. `invoke`, `invoke_url`, `read`, `manage`: what
    can be used now, by class. `latent`: only ways in that cannot be used yet. `depends` and `public` overlap with those.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="tallies")
    kind = models.CharField(max_length=12)
    principal = models.CharField(max_length=2048)
    functions = models.PositiveIntegerField(default=0)
    invoke = models.PositiveIntegerField(default=0)
    invoke_url = models.PositiveIntegerField(default=0)
    read = models.PositiveIntegerField(default=0)
    manage = models.PositiveIntegerField(default=0)
    public = models.PositiveIntegerField(default=0, help_text="Public for certain.")
    open_service = models.PositiveIntegerField(default=0, help_text="A service any account can drive, for certain.")
    depends = models.PositiveIntegerField(default=0, help_text="Hangs on something unknown: not safe.")
    not_safe = models.PositiveIntegerField(default=0, help_text="Any of the three.")
    latent = models.PositiveIntegerField(default=0)
    stale = models.PositiveIntegerField(default=0, help_text="As last read: the policy is not readable any more.")
    invokes = models.BooleanField(default=False, help_text="Somebody else than the owner, who can invoke something.")

    objects = TallyQuerySet.as_manager()

    class Meta:
        ordering = ("kind", "principal")
        verbose_name_plural = "tallies"
        indexes = (
            # All that the list of parties and its counts read, so that they read nothing else.
            models.Index(
                fields=["account", "kind", "principal", "invokes", "not_safe", "functions", "latent"], name="tally_by_account"
            ),
            models.Index(fields=["principal", "account"], name="tally_by_party"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.principal} on {self.account_id}: {self.functions}"


class PartyTally(models.Model):
    """The tallies of one party over all owner accounts together: what a list of parties need not add up.

    Kept with the tallies, in the same transaction (services.tallying). It speaks only to those who see every account.
    `owners`: how many accounts' tallies there are; `invoking`: how many of them have `invokes`.
    """

    kind = models.CharField(max_length=12)
    principal = models.CharField(max_length=2048)
    owners = models.PositiveIntegerField(default=0)
    functions = models.PositiveIntegerField(default=0)
    not_safe = models.PositiveIntegerField(default=0)
    depends = models.PositiveIntegerField(default=0)
    latent = models.PositiveIntegerField(default=0)
    stale = models.PositiveIntegerField(default=0)
    invoking = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("kind", "principal")
        constraints = (models.UniqueConstraint(fields=["kind", "principal"], name="partytally_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.principal}: {self.functions}"


class Tallied(models.Model):
    """When an owner account was counted, and what that found of its functions. `turn` keeps an older count from winning."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="tallied")
    turn = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField(null=True, blank=True)
    functions = models.PositiveIntegerField(default=0)
    reached = models.PositiveIntegerField(default=0, help_text="Functions that let in somebody outside the account.")
    invokable = models.PositiveIntegerField(default=0, help_text="Of these, those that can be invoked, by API or URL.")
    public = models.PositiveIntegerField(default=0)
    open_service = models.PositiveIntegerField(default=0)
    depends = models.PositiveIntegerField(default=0)
    stale = models.PositiveIntegerField(default=0)
    unread = models.PositiveIntegerField(default=0, help_text="Functions with a policy nobody could ever read.")
    unlooked = models.PositiveIntegerField(default=0, help_text="Functions whose versions' policies were not read yet.")
    kinds = models.JSONField(default=dict, help_text="By kind of party: how many tallies, and the sum of their not_safe.")

    class Meta:
        verbose_name_plural = "tallied"

    def __str__(self) -> str:
        return f"{self.account_id} counted {self.counted_at}"


class TallyDue(models.Model):
    """Something that counts has changed in this account: one row a change, written with it, so that no lock is shared."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.account_id} since {self.at}"
