"""Event sources in memory, for tests of what is done about them: each with trouble on demand, before or after AWS acted."""

import copy
from collections.abc import Callable
from typing import Any

from sharing.aws.errors import Refused, Throttled, Unavailable
from sharing.models import Connection

Config = dict[str, Any]


def throttled() -> Exception:
    return Throttled("AWS asks to slow down.", code="Throttling", retry_after=1.0)


def timeout(*, maybe_done: bool) -> Exception:
    return Unavailable("AWS did not answer in time.", code="Timeout", maybe_done=maybe_done)


def denied() -> Exception:
    return Refused("The role may not do that.", next="Add the permission.", code="AccessDenied", request_id="r-1")


class Cloud:
    """What the sources of every account hold, and which trouble comes next. `entries`: by ARN."""

    def __init__(self) -> None:
        self.held: dict[str, Config] = {}
        self.trouble: list[tuple[str, str, Exception | Callable[[], None]]] = []
        self.calls: list[str] = []

    def open(self, connection: Connection, region: str, *, resource: str, **_: Any) -> "Source":
        assert resource in connection.limited_to
        return Source(self, resource)

    def next(self, when: str, what: Exception | Callable[[], None], operation: str = "put") -> None:
        """The next call whose name holds `operation` fails, or has something done by somebody else, before or after it acts."""
        self.trouble.append((operation, when, what))

    def strike(self, operation: str, when: str) -> None:
        for planned in list(self.trouble):
            if planned[0] in operation and planned[1] == when:
                self.trouble.remove(planned)
                if isinstance(planned[2], Exception):
                    raise planned[2]
                planned[2]()


class Source:
    """One source as sharing.aws.wired.Sources is used; every document is replaced whole, as AWS does."""

    def __init__(self, cloud: Cloud, arn: str) -> None:
        self.cloud, self.arn = cloud, arn

    def _read(self) -> Config:
        self.cloud.calls.append("get")
        self.cloud.strike("get", "before")
        answer = copy.deepcopy(self.cloud.held.get(self.arn, {}))
        self.cloud.strike("get", "after")
        return answer

    def _write(self, change: Callable[[], None]) -> str:
        self.cloud.calls.append("put")
        self.cloud.strike("put", "before")
        change()
        self.cloud.strike("put", "after")
        return "request-1"

    def _replace(self, config: Any) -> str:
        return self._write(lambda: self.cloud.held.__setitem__(self.arn, copy.deepcopy(dict(config))))

    bucket_notifications = topic_policy = queue_policy = stream_policy = _read
    put_bucket_notifications = put_topic_policy = put_queue_policy = put_stream_policy = put_alarm = _replace

    def alarm(self) -> Config | None:
        return self._read() or None

    def subscriptions(self, endpoint: str) -> list[str]:
        return [arn for arn, to in self._read().get("subscriptions", {}).items() if to == endpoint]

    def subscribe(self, endpoint: str, filter_policy: str = "") -> str:
        entries = self.cloud.held.setdefault(self.arn, {}).setdefault("subscriptions", {})
        arn = f"{self.arn}:{len(entries)}"
        self._write(lambda: entries.update({arn: endpoint}))
        return arn

    def unsubscribe(self, arn: str) -> str:
        return self._write(lambda: self.cloud.held[self.arn]["subscriptions"].pop(arn))

    def rule_targets(self) -> list[Config]:
        return list(self._read().get("targets", []))

    def put_rule_target(self, target: Any) -> str:
        entries = self.cloud.held.setdefault(self.arn, {}).setdefault("targets", [])
        return self._write(lambda: entries.append(dict(target)))

    def remove_rule_target(self, target_id: str) -> str:
        entries = self.cloud.held[self.arn]["targets"]
        kept = [one for one in entries if one["Id"] != target_id]
        return self._write(lambda: self.cloud.held[self.arn].update(targets=kept))

    def send_test(self, *, marker: str, prefix: str = "", suffix: str = "") -> str:
        self.cloud.calls.append("send")
        self.cloud.strike("send", "before")
        return f"{prefix}fnshare-test-{marker}{suffix}"

    def remove_test_object(self, key: str) -> str:
        self.cloud.calls.append(f"remove {key}")
        return ""
