"""The in-process counterpart of the stage: rows and AWS of one small estate, as the checker asks for them."""

import copy
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from sharing.models import Actor, Connection, Function, Mapping, Policy, Purpose, WiringStep
from sharing.services import places
from sharing.tasks import soon
from tests import factories
from tests.faults import inside
from tests.faults.trouble import Bench, Clock
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

Json = dict[str, Any]

ACME, PLATFORM, GLOBEX, STRANGER = "111122223333", "444455556666", "222233334444", "999900001111"
EAST, SMALL = "us-east-1", "eu-central-1"
BUCKET = "arn:aws:s3:::faults-uploads"
TOPIC, QUEUE = f"arn:aws:sns:{EAST}:{ACME}:faults-topic", f"arn:aws:sqs:{EAST}:{ACME}:faults-queue"
#: Functions without a policy of the story's own.
NAMES = ("hello_world", "session-cleanup")
#: Kind of entry -> the step of a wiring that makes one.
_STEPS = {
    "bucket": "notification",
    "topic": "topic-policy",
    "queue": "source-policy",
    "subscription": "subscription",
    "mapping": "mapping",
}
_EXTERNAL_ID = "fnshare-faults-source"
_KEPT_HERE: dict[str, Any] = {"Sid": "theirs", "Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": "*"}


class Inside:
    """The rows, asked for as a stage asks its process."""

    def ask(self, what: str, **given: Any) -> Any:
        return json.loads(json.dumps(getattr(inside, what)(**given), default=inside.plain))


class World:
    """The story's owner with two functions in a region of their own, and a consumer with a bucket, a topic and a queue.

    Everything holds something that is none of ours. seed: what AWS held when a cell began, and what others did since.
    """

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox
        self.inside = Inside()
        self.clock = Clock()
        self.bench: Bench
        self.estate = Estate(sandbox)
        self.by = self.estate.by
        self.admin = Actor.of(factories.person("admin", email="admin@example.com"))
        self.main = self.arn(NAMES[0])
        self.seed: dict[str, Json | None] = {}
        #: What bucket, topic, queue and mappings hold that is not ours.
        self.others: Counter[str] = Counter()
        self.edited: set[str] = set()
        self._edits = 0
        self._furnish()
        self._theirs_at_first = self.elsewhere()

    def _furnish(self) -> None:
        sandbox = self.sandbox
        for name in ("one", "two"):
            made = sandbox.add_function(PLATFORM, SMALL, name, aliases={"live": "1"} if name == "one" else {})
            sandbox.put_policy(made, self._theirs(made))
        for name in NAMES:
            sandbox.put_policy(self.arn(name), self._theirs(self.arn(name)))
        sandbox.add_bucket(ACME, EAST, "faults-uploads")
        sandbox.add_topic(ACME, EAST, "faults-topic")
        sandbox.add_queue(ACME, EAST, "faults-other")
        sandbox.notify("faults-uploads", [("theirs", f"{QUEUE[:-5]}other", "s3:ObjectRemoved:*", "old/", "")])
        reads = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        role = sandbox._execution_role(PLATFORM)
        lets = {"Sid": "reads", "Effect": "Allow", "Principal": {"AWS": role}, "Action": reads, "Resource": QUEUE}
        sandbox.add_queue(ACME, EAST, "faults-queue", {"Version": "2012-10-17", "Statement": [lets]})
        sns_backends[ACME][EAST].subscribe(TOPIC, f"{QUEUE[:-5]}other", "sqs")
        Connection.objects.filter(account=self.estate.owner, purpose=Purpose.MANAGER).update(regions=[SMALL])
        places.chosen(Connection.objects.get(account=self.estate.owner, purpose=Purpose.MANAGER))
        self._let_wire()

    def _let_wire(self) -> None:
        worker = f"arn:aws:iam::{self.sandbox.account('fnshare').id}:user/fnshare/worker"
        condition = {"StringEquals": {"sts:ExternalId": _EXTERNAL_ID}}
        enter = {"Effect": "Allow", "Principal": {"AWS": worker}, "Action": "sts:AssumeRole", "Condition": condition}
        every = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        trust = {"Version": "2012-10-17", "Statement": [enter]}
        factories.connection(
            self.estate.accounts["Acme Retail"],
            Purpose.SOURCE,
            role_arn=self.sandbox.add_role(ACME, "faults-source", trust=trust, policies={"All": every}),
            external_id=_EXTERNAL_ID,
            limited_to=[BUCKET, QUEUE, TOPIC],
            verbs={"wire": True},
        )

    @staticmethod
    def _theirs(arn: str) -> Json:
        return {"Version": "2012-10-17", "Id": "default", "Statement": [statement_of(arn, "theirs")]}

    # Words of journeys

    def arn(self, name: str, region: str = EAST) -> str:
        return f"arn:aws:lambda:{region}:{PLATFORM}:function:{name}"

    def policy(self, name: str = NAMES[0]) -> Policy:
        """The function's policy as a sync keeps it."""
        return self.estate.read(self.estate.policy(name))

    def function(self, name: str = NAMES[0]) -> Function:
        return self.policy(name).function

    def soon(self, task: Any, *rows: Any) -> None:
        """A door tells a worker about rows."""
        for row in rows:
            soon(task, row.pk)

    # What the checker asks

    def grants(self) -> list[Json]:
        found: list[Json] = self.inside.ask("grants")
        return found

    def stored(self, arn: str) -> list[Json]:
        """The statements AWS holds."""
        found = self.sandbox.policy(arn) if self.sandbox.function(arn) else None
        return list(found["Statement"]) if found else []

    def elsewhere(self) -> "Counter[str]":
        """What AWS holds in bucket, topic, queue and mappings, each entry as comparable text."""
        bucket = s3_backends[ACME]["aws"].buckets["faults-uploads"].notification_configuration
        topic = sns_backends[ACME][EAST].topics[TOPIC]
        queue = sqs_backends[ACME][EAST].queues["faults-queue"]
        found: list[Any] = [("topic", one) for one in json.loads(topic.policy).get("Statement", [])]
        found += [("queue", one) for one in (json.loads(queue.policy) if queue.policy else {}).get("Statement", [])]
        for kind, entries in (bucket.to_config_dict() if bucket else {}).items():
            found += [("bucket", kind, one) for one in entries]
        for one in sns_backends[ACME][EAST].subscriptions.values():
            found.append(("subscription", one.topic.arn, one.endpoint))
        for mapping in self._mappings().values():
            found.append(("mapping", mapping.function_arn, mapping.source))
        return Counter(json.dumps(one, sort_keys=True, default=str) for one in found)

    def others_touched(self) -> list[str]:
        """What is lost, doubled or invented in bucket, topic, queue and mappings, compared with the rows about them."""
        now = self.elsewhere()
        problems = [f"{now[one]} times instead of {many}: {one}" for one, many in self.others.items() if now[one] != many]
        extra = now - self.others
        for kind, key in _STEPS.items():
            ours = sum(many for one, many in extra.items() if one.startswith(f'["{kind}"'))
            made = WiringStep.objects.filter(key=key, made=True).exclude(state="undone")
            held = Mapping.objects.filter(vanished_at=None).count() if kind == "mapping" else made.count()
            # AWS took it out, and did not let anybody look: the row says so, and that it is not known.
            unknown = made.filter(state="failed", failure__startswith="AWS took", before__isnull=False, after__isnull=True)
            if not held - unknown.count() <= ours <= held:
                problems.append(f"{kind}: AWS holds {ours} of ours, rows say {held}: {dict(extra)}")
        return problems

    def _mappings(self) -> Json:
        held: Json = self.sandbox._front.mappings._held
        return {pk: one for pk, one in held.items() if one.state != "Deleting"}

    # Cells

    def picture(self) -> Any:
        """AWS as it is now, to be put back by `restore`."""
        held = {arn: self.sandbox.policy(arn) for arn in self.functions()}
        bucket = s3_backends[ACME]["aws"].buckets["faults-uploads"].notification_configuration
        topic, queue = sns_backends[ACME][EAST].topics[TOPIC], sqs_backends[ACME][EAST].queues["faults-queue"]
        return {
            "policies": copy.deepcopy(held),
            "bucket": copy.deepcopy(bucket),
            "topic": topic._policy_json,
            "subscriptions": dict(sns_backends[ACME][EAST].subscriptions),
            "queue": copy.deepcopy(queue._policy_json),
            "mappings": copy.deepcopy(self.sandbox._front.mappings._held),
        }

    def restore(self, picture: Any) -> None:
        """AWS is as it was, and nobody did anything yet."""
        for arn, document in picture["policies"].items():
            if self.sandbox.policy(arn) != document:
                self.sandbox.put_policy(arn, copy.deepcopy(document))
        s3_backends[ACME]["aws"].buckets["faults-uploads"].notification_configuration = copy.deepcopy(picture["bucket"])
        sns_backends[ACME][EAST].topics[TOPIC]._policy_json = copy.deepcopy(picture["topic"])
        subscriptions = sns_backends[ACME][EAST].subscriptions
        subscriptions.clear()
        subscriptions.update(picture["subscriptions"])
        queue = sqs_backends[ACME][EAST].queues["faults-queue"]
        queue._policy_json = copy.deepcopy(picture["queue"])
        held = self.sandbox._front.mappings._held
        held.clear()
        held.update(copy.deepcopy(picture["mappings"]))
        self.edited = set()
        self.seed = dict(picture["seed"])
        self.others = Counter(self._theirs_at_first)

    def meddle(self, target: str) -> None:
        """Another tool adds something of its own to what a call is about; to the main function where it is about a role."""
        self._edits += 1
        name = f"meddled-{self._edits}"
        if target == BUCKET:
            bucket = s3_backends[ACME]["aws"].buckets["faults-uploads"]
            config = copy.deepcopy(bucket.notification_configuration)
            assert config is not None
            extra = copy.deepcopy(config.queue[0])
            extra.id, extra.events = name, ["s3:ObjectRestore:*"]
            config.queue.append(extra)
            bucket.notification_configuration = config
        elif target == TOPIC:
            topic = sns_backends[ACME][EAST].topics[TOPIC]
            document = json.loads(topic.policy)
            document["Statement"].append({**_KEPT_HERE, "Sid": name, "Resource": TOPIC})
            topic.policy = json.dumps(document)
        elif target == QUEUE:
            queue = sqs_backends[ACME][EAST].queues["faults-queue"]
            document = json.loads(queue.policy) if queue.policy else {"Version": "2012-10-17", "Statement": []}
            document["Statement"].append({**_KEPT_HERE, "Sid": name, "Resource": QUEUE})
            queue.policy = json.dumps(document)
        else:
            arn = target if self.sandbox.function(target) else self.main
            document = copy.deepcopy(self.sandbox.policy(arn)) or {"Version": "2012-10-17", "Statement": []}
            document["Statement"].append(statement_of(arn, name))
            self.sandbox.put_policy(arn, document)
            seed = self.seed.get(arn) or {"Statement": []}
            self.seed[arn] = {**seed, "Statement": [*seed["Statement"], statement_of(arn, name)]}
            self.edited.add(arn)
        if target in (BUCKET, TOPIC, QUEUE):
            self.others.update({one: 1 for one in self.elsewhere() if f'"{name}"' in one})

    def functions(self) -> list[str]:
        """ARNs of the functions and aliases that journeys are about."""
        return [*(self.arn(name) for name in NAMES), *(self.arn(name, SMALL) for name in ("one", "one:live", "two"))]


def statement_of(arn: str, sid: str) -> Json:
    """What another tool writes: a stranger may invoke."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
    }
