"""Lambda functions, their aliases and versions, as last read."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .person import Actor


class FunctionQuerySet(models.QuerySet["Function"]):
    """Which functions."""

    def visible_to(self, actor: Actor) -> "FunctionQuerySet":
        """Functions of accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(account__in=Account.objects.visible_to(actor))

    def present(self) -> "FunctionQuerySet":
        """Listed by AWS when last read."""
        return self.filter(vanished_at=None)


class Function(models.Model):
    """One function of one account and region. Environment, code location and layers are never kept.

    Ages derive from the last complete Sync of (account, region); `read_at` is set when this one was read by itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="functions")
    region = models.CharField(max_length=30)
    name = models.CharField(max_length=140)
    arn = models.CharField(max_length=300, unique=True)
    description = models.CharField(max_length=300, blank=True)
    runtime = models.CharField(max_length=40, blank=True)
    last_modified = models.CharField(max_length=40, blank=True)
    execution_role = models.CharField(max_length=300, blank=True, help_text="Its ARN, of the function itself; blank: not read.")
    tags = models.JSONField(null=True, blank=True)
    urls = models.JSONField(null=True, blank=True, help_text='URL configs: {"": "NONE", "live": "AWS_IAM"}; null: not read.')
    aliases_failure = models.TextField(blank=True, help_text="Why its aliases could not be listed at the last read.")
    first_seen_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)
    details_read_at = models.DateTimeField(null=True, blank=True, help_text="Versions' policies, tags and URL configs.")
    mappings_read_at = models.DateTimeField(null=True, blank=True, help_text="Event source mappings; null: never.")
    details_due_at = models.DateTimeField(null=True, blank=True)
    details_failure = models.TextField(blank=True)
    vanished_at = models.DateTimeField(null=True, blank=True)

    # When its rows of the list of mappings were kept (services.waking.keeping); null: never. The turn keeps an older count out.
    wakes_kept_at = models.DateTimeField(null=True, blank=True, default=None)
    wakes_turn = models.PositiveIntegerField(default=0)

    # What its policies let in together (services.widths), kept with the rows above.
    lets_public = models.BooleanField(default=False)
    lets_open_service = models.BooleanField(default=False)
    lets_external = models.BooleanField(default=False)
    lets_nobody = models.BooleanField(default=False, help_text="All was read and lets nobody outside in.")
    is_unread = models.BooleanField(default=False)
    width = models.PositiveSmallIntegerField(default=0, help_text="How wide: 6 public, 0 nobody outside.")

    objects = FunctionQuerySet.as_manager()

    class Meta:
        ordering = ("name", "region", "id")
        indexes = (
            models.Index(fields=["account", "region", "name"], name="function_by_place"),
            # Lists in the order of names are searched, counted and paged in it alone: rows are read of one page.
            models.Index(
                fields=["name", "region", "id", "arn", "description", "vanished_at", "account"], name="function_by_words"
            ),
            models.Index(fields=["account", "region"], name="function_aliases_unlisted", condition=~Q(aliases_failure="")),
            models.Index(fields=["details_read_at"], name="function_details_read"),
            models.Index(fields=["account", "name", "region", "id"], name="function_by_account"),
            models.Index(fields=["details_due_at"], name="function_details_due", condition=Q(vanished_at=None)),
            models.Index(fields=["wakes_kept_at"], name="function_wakes_kept"),
            # What was not looked at, counted above most lists: few, or none.
            models.Index(fields=["mappings_read_at"], name="function_mappings_read"),
            models.Index(fields=["urls"], name="function_urls_unread", condition=Q(urls__isnull=True)),
            # The filters and the order of the list by what is let in. With the columns of the condition SQLite looks at no row.
            *(
                models.Index(
                    fields=["name", "region", "id", column, "vanished_at"],
                    name=f"function_{column}",
                    condition=Q(**{column: True}, vanished_at=None),
                )
                for column in ("lets_public", "lets_open_service", "lets_external", "lets_nobody", "is_unread")
            ),
            models.Index(fields=["-width", "name", "region", "id"], name="function_by_width", condition=Q(vanished_at=None)),
        )

    def __str__(self) -> str:
        return self.arn


class QualifierKind(models.TextChoices):
    """An alias can be moved to another version; a version is fixed."""

    ALIAS = "alias", "alias"
    VERSION = "version", "version"


class Qualifier(models.Model):
    """An alias or a published version of a function."""

    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="qualifiers")
    kind = models.CharField(max_length=7, choices=QualifierKind)
    name = models.CharField(max_length=128)
    points_to = models.CharField(max_length=128, blank=True, help_text="An alias's version.")
    first_seen_at = models.DateTimeField(default=timezone.now)
    vanished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("kind", "name")
        constraints = (models.UniqueConstraint(fields=["function", "name"], name="qualifier_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
