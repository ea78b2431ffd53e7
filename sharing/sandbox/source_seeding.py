"""Putting event sources into the sandbox, in-process: buckets, topics, queues, rules and alarms."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.events.models import events_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from sharing.sandbox.evaluation import Document

PARTITION = "aws"


class SourceSeeding:
    """Mixed into Seeding. What makes a source returns its ARN."""

    _accounts: dict[str, Any]

    def offer(self, account: str, arn: str, **example: str) -> None:
        """Name a source among those of its account that may be tried. example: what an event of it looks like: a rule's
        Source and DetailType, a bucket's Key."""
        held = self._accounts[account]
        self._accounts[account] = replace(held, sources={**held.sources, arn: example})

    def add_bucket(self, account: str, region: str, name: str) -> str:
        s3_backends[account][PARTITION].create_bucket(name, region)
        return f"arn:aws:s3:::{name}"

    def notify(self, bucket: str, configurations: Iterable[tuple[str, str, str, str, str]]) -> None:
        """Set what the bucket tells to whom: (id, ARN, event, prefix, suffix) each."""
        kept: dict[str, list[dict[str, Any]]] = {"Topic": [], "Queue": [], "CloudFunction": []}
        kinds = {"sns": "Topic", "sqs": "Queue", "lambda": "CloudFunction"}
        for identifier, arn, event, prefix, suffix in configurations:
            kind = kinds[arn.split(":")[2]]
            one: dict[str, Any] = {"Id": identifier, kind: arn, "Event": [event]}
            rules = [{"Name": word, "Value": value} for word, value in (("prefix", prefix), ("suffix", suffix)) if value]
            if rules:
                one["Filter"] = {"S3Key": {"FilterRule": rules}}
            kept[kind].append(one)
        owner = s3_backends.bucket_accounts[bucket][1]
        s3_backends[owner][PARTITION].put_bucket_notification_configuration(
            bucket, {f"{kind}Configuration": several for kind, several in kept.items() if several}
        )

    def add_topic(self, account: str, region: str, name: str) -> str:
        return str(sns_backends[account][region].create_topic(name).arn)

    def add_queue(self, account: str, region: str, name: str, policy: Document | None = None) -> str:
        """policy: the queue's own; without one nobody of another account may read it."""
        made: dict[str, Any] = {"Policy": json.dumps(policy)} if policy else {}
        return str(sqs_backends[account][region].create_queue(name, **made).queue_arn)

    def add_rule(self, account: str, region: str, name: str, pattern: Mapping[str, Any]) -> str:
        return str(events_backends[account][region].put_rule(name, event_pattern=json.dumps(pattern)).arn)

    def add_alarm(self, account: str, region: str, name: str, metric: str, threshold: float) -> str:
        """An alarm without actions on a metric of the account's own."""
        alarm = cloudwatch_backends[account][region].put_metric_alarm(
            name=name,
            namespace="Shop",
            metric_name=metric,
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            period=60,
            threshold=threshold,
            statistic="Sum",
            description="",
            dimensions=[],
            alarm_actions=[],
        )
        return str(alarm.alarm_arn)
