"""Pull event source mappings as last read: sources whose records make a function run (aws-facts 3.1)."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .function import Function
from .person import Actor

#: States that lead to another by themselves.
ON_ITS_WAY = ("Creating", "Updating", "Enabling", "Disabling", "Deleting")


def filters_of(options: dict[str, Any]) -> list[str]:
    """The patterns among a mapping's options, as AWS keeps them."""
    return [str(one.get("Pattern", "")) for one in (options.get("FilterCriteria") or {}).get("Filters") or ()]


class MappingQuerySet(models.QuerySet["Mapping"]):
    """Which mappings."""

    def visible_to(self, actor: Actor) -> "MappingQuerySet":
        """Mappings of functions in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(function__account__in=Account.objects.visible_to(actor))

    def present(self) -> "MappingQuerySet":
        """Listed by AWS when last read."""
        return self.filter(vanished_at=None)


class Mapping(models.Model):
    """One event source mapping. `id`: AWS's UUID. `qualifier`: the alias or version that runs; "" the function itself.

    `source_arn`: what is polled, "" for a self-managed source. `source_account`: whose it is, where the ARN says so.
    `state`: AWS's own word (Enabled, Disabled, Creating...): not an enum there. `options`: those of aws.mapped.OPTIONS that
    AWS named, in its own words. `read_at`: null if it was read before this was kept. `read_wanted_at`: somebody looks at it
    and a worker should read it again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    function = models.ForeignKey(Function, on_delete=models.PROTECT, related_name="mappings")
    qualifier = models.CharField(max_length=128, blank=True)
    source_arn = models.CharField(max_length=1024, blank=True)
    source_account = models.CharField(max_length=12, blank=True)
    state = models.CharField(max_length=40, blank=True)
    state_since = models.DateTimeField(null=True, blank=True, help_text="The first read that found this state.")
    first_seen_at = models.DateTimeField(default=timezone.now)
    state_reason = models.CharField(max_length=300, blank=True)
    last_result = models.CharField(max_length=500, blank=True)
    last_modified = models.DateTimeField(null=True, blank=True, help_text="AWS's.")
    options = models.JSONField(default=dict, blank=True)
    vanished_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    read_wanted_at = models.DateTimeField(null=True, blank=True)
    read_failure = models.CharField(max_length=500, blank=True, help_text="Why the last look at it alone failed.")

    objects = MappingQuerySet.as_manager()

    class Meta:
        ordering = ("source_arn", "id")
        indexes = (
            models.Index(fields=["source_account"], name="mapping_by_source_account"),
            models.Index(fields=["read_wanted_at"], name="mapping_read_wanted", condition=Q(read_wanted_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.source_arn or 'a self-managed source'} → {self.function_id}"

    @property
    def source(self) -> str:
        """The source in words: `SQS queue uploads`, `Kinesis stream/clicks`; the ARN says the rest."""
        parts = self.source_arn.split(":", 5)
        if len(parts) < 6:
            return self.source_arn or "a self-managed Kafka cluster"
        named = {
            "sqs": "SQS queue",
            "kinesis": "Kinesis",
            "dynamodb": "DynamoDB",
            "kafka": "MSK",
            "mq": "MQ",
            "rds": "DocumentDB",
        }
        return f"{named.get(parts[2], parts[2])} {parts[5]}"

    @property
    def kind(self) -> str:
        """The service that is polled as ARNs name it: `sqs`, `kinesis`...; "" for a self-managed source."""
        parts = self.source_arn.split(":", 5)
        return parts[2] if len(parts) == 6 else ""

    @property
    def is_failing(self) -> bool:
        """Whether AWS's last word on its records is a problem (aws-facts 3.1: the prefix tells)."""
        return self.last_result.startswith("PROBLEM")

    @property
    def is_on_its_way(self) -> bool:
        """Whether AWS is still busy with a change of it."""
        return self.state in ON_ITS_WAY

    @property
    def runs(self) -> bool:
        """Whether records make the function run now, as far as AWS's word tells: only what is off for certain does not."""
        return self.state not in ("Disabled", "Disabling", "Deleting")
