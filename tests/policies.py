"""Policies as rows, read at chosen moments: what a sync would have kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import Account, Function, Policy, PolicyVersion, Sync
from sharing.services.syncing import store_policy

from . import factories

ACME = "111122223333"
NOW = timezone.now().replace(microsecond=0)


def ago(**distance: float) -> datetime:
    """A moment in the past, the same for the whole run."""
    return NOW - timedelta(**distance)


def function(name: str, of: Account, *, since: datetime, **fields: Any) -> Function:
    """A function that was first listed at that moment; its policy was not read yet."""
    fields.setdefault("details_read_at", since)
    made = factories.function(name, of, first_seen_at=since, **fields)
    Policy.objects.filter(function=made).delete()
    return made


def read(of: Function, at: datetime, *statements: Mapping[str, Any], qualifier: str = "") -> Policy:
    """A read that found these statements; none: AWS has no policy."""
    policy, _ = Policy.objects.get_or_create(function=of, qualifier=qualifier)
    policy = Policy.objects.select_related("function__account", "current").get(pk=policy.pk)
    stored = None
    if statements:
        filled = [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": policy.arn, **one} for one in statements]
        stored = StoredPolicy(json.dumps({"Version": "2012-10-17", "Statement": filled}), f"revision-{at:%H%M%S}")
    before = policy.read_at
    if store_policy(policy, stored, read_at=at) and before is not None:
        # The sweeps of a test are all there at once; what had been seen by then ends before this read.
        sweeps = Sync.objects.filter(account=of.account, region=of.region, started_at__lt=at)
        seen = max([before, *(sweep.started_at for sweep in sweeps if sweep.started_at)])
        PolicyVersion.objects.filter(policy=policy, first_seen_at=at).update(last_seen_without=seen)
    return Policy.objects.select_related("function__account", "current").get(pk=policy.pk)


def swept(of: Account, at: datetime, region: str = "us-east-1") -> Sync:
    """A complete read of the region that began then."""
    return factories.sweep(of, region, started_at=at, finished_at=at + timedelta(minutes=1))


#: The two statements of a public function URL.
URL: tuple[dict[str, Any], ...] = (
    {
        "Sid": "url",
        "Principal": "*",
        "Action": "lambda:InvokeFunctionUrl",
        "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
    },
    {"Sid": "url-too", "Principal": "*", "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}},
)


def account(sid: str, number: str = ACME, **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Principal": {"AWS": f"arn:aws:iam::{number}:root"}, **more}


def everyone(sid: str, **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Principal": "*", **more}


def service(sid: str, name: str, **source: str) -> dict[str, Any]:
    condition = {"Condition": {"StringEquals": {f"AWS:{key}": value for key, value in source.items()}}} if source else {}
    return {"Sid": sid, "Principal": {"Service": f"{name}.amazonaws.com"}, **condition}


def organization(sid: str, identity: str) -> dict[str, Any]:
    return everyone(sid, Condition={"StringEquals": {"aws:PrincipalOrgID": identity}})


def deny(sid: str, number: str = ACME) -> dict[str, Any]:
    return account(sid, number, Effect="Deny")
