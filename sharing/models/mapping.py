"""Pull event source mappings as last read: sources whose records make a function run (aws-facts 3.1)."""

import uuid

from django.db import models
from django.utils import timezone

from .account import Account
from .function import Function
from .person import Actor

_NAMES = {
    "sqs": "SQS queue",
    "kinesis": "Kinesis",
    "dynamodb": "DynamoDB",
    "kafka": "MSK",
    "mq": "MQ",
    "rds": "DocumentDB",
}


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
    `state`: AWS's own word (Enabled, Disabled, Creating...): not an enum there.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    function = models.ForeignKey(Function, on_delete=models.PROTECT, related_name="mappings")
    qualifier = models.CharField(max_length=128, blank=True)
    source_arn = models.CharField(max_length=1024, blank=True)
    source_account = models.CharField(max_length=12, blank=True)
    state = models.CharField(max_length=40, blank=True)
    state_since = models.DateTimeField(null=True, blank=True, help_text="The first read that found this state.")
    first_seen_at = models.DateTimeField(default=timezone.now)
    vanished_at = models.DateTimeField(null=True, blank=True)

    objects = MappingQuerySet.as_manager()

    class Meta:
        ordering = ("source_arn", "id")
        indexes = (models.Index(fields=["source_account"], name="mapping_by_source_account"),)

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
    def runs(self) -> bool:
        """Whether records make the function run now, as far as AWS's word tells: only what is off for certain does not."""
        return self.state not in ("Disabled", "Disabling", "Deleting")
