"""The policies of benchmarks.large: what they say, what follows from them, and what history tells of them."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sharing.models import Account, Event, Function, Grant, Policy, PolicyVersion
    from sharing.policy import Document

DAYS = 365
#: Statements of a policy that is nearly full.
NEARLY_FULL = 90
ORGANIZATION = "o-a1b2c3d4e5"
_FIRST_OWNER, _FIRST_CONSUMER, _STEP = 400_000_000_000, 600_000_000_000, 7_919


@dataclass(frozen=True)
class Size:
    """How many of each. `biggest`: functions in the one account and region that has most."""

    functions: int = 30_000
    owners: int = 200
    consumers: int = 2_000
    statements: int = 200_000
    biggest: int = 3_000

    @classmethod
    def at(cls, scale: float) -> Size:
        """That share of everything: fewer functions in fewer accounts, the same number of statements in each policy."""
        return cls(
            max(8, round(cls.functions * scale)),
            max(2, round(cls.owners * scale)),
            max(4, round(cls.consumers * scale)),
            max(200, round(cls.statements * scale)),
            max(2, round(cls.biggest * scale)),
        )


def owner_number(place: int) -> str:
    """The 12 digits of the owner account at that place; the first has the biggest region."""
    return f"{_FIRST_OWNER + _STEP * place}"


def consumer_number(place: int) -> str:
    """The 12 digits of the consumer at that place; of four the last has no name here."""
    return f"{_FIRST_CONSUMER + _STEP * place}"


class Policies:
    """The dice and the clock of one installation, and its policies."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.chance = random.Random(7)  # noqa: S311 (the same installation at every run, no secret)
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.began = self.now - timedelta(days=DAYS)
        self.counts = self._sizes()
        self.owners: list[Account] = []
        self.known: set[str] = set()
        self.made = self.versions = 0

    def key(self) -> uuid.UUID:
        """An id that is the same at every run."""
        return uuid.UUID(int=self.chance.getrandbits(128), version=4)

    def moment(self) -> datetime:
        """Some time of the year."""
        return self.began + timedelta(minutes=self.chance.randrange(DAYS * 24 * 60 - 60))

    def policies(self, number: int) -> tuple[str, ...]:
        """The qualifiers that function has a policy at: every other one has an alias."""
        return ("", "live") if number % 2 == 0 else ("",)

    def _policies(self, functions: list[Function], first: int) -> None:
        """All of an account's policies with what follows from them. Versions and policies name each other, so both are
        saved before their keys are checked, at the end of the transaction."""
        from sharing.models import Event, Exposure, Finding, Grant, Mention, Policy, PolicyVersion
        from sharing.policy import parse
        from sharing.services.findings.keeping import judged
        from sharing.services.findings.settling import opened
        from sharing.services.syncing.mentioned import mentioned
        from sharing.services.syncing.reach import reduced, url_auth
        from sharing.services.trusting import trust

        colours = trust()
        policies: list[Policy] = []
        versions: list[PolicyVersion] = []
        exposures: list[Exposure] = []
        findings: list[Finding] = []
        grants: list[Grant] = []
        events: list[Event] = []
        for at, function in enumerate(functions, first):
            for name in self.policies(at):
                policy = Policy(id=self.key(), function=function, qualifier=name)
                policies.append(policy)
                count = next(self.counts)
                if self.chance.randrange(200) == 0:  # never read
                    continue
                versions += self._read(policy, count)
                document = parse(versions[-1].document)
                exposures += reduced(policy, document)
                wanted = judged(policy, document, url_auth=url_auth(policy), trusted=colours, known=self.known, now=self.now)
                findings += [opened(key, *wanted[key], self.moment()) for key in wanted]
                mine = self._grants(policy, document)
                grants += mine
                events += self._events(policy, mine, versions[-1])
        Policy.objects.bulk_create(policies, batch_size=500)
        PolicyVersion.objects.bulk_create(versions, batch_size=500)
        held = {
            (one.policy, number) for one in versions for number in mentioned(one.document, one.policy.function.account.number)
        }
        Mention.objects.bulk_create([Mention(policy=policy, number=number) for policy, number in held], batch_size=500)
        Exposure.objects.bulk_create(exposures, batch_size=500)
        Finding.objects.bulk_create(findings, batch_size=500)
        Grant.objects.bulk_create(grants, batch_size=500)
        Event.objects.bulk_create(sorted(events, key=lambda one: one.at), batch_size=500)

    def _read(self, policy: Policy, count: int) -> list[PolicyVersion]:
        """The policy's contents, oldest first, and its own columns; of five one has changed in the year."""
        from sharing.models import PolicyVersion, Reading
        from sharing.policy import parse

        whole = self._statements(policy, count)
        changed = self.moment() if count > 1 and self.chance.randrange(5) == 0 else None
        made: list[PolicyVersion] = []
        for statements, at in ((whole[:-1], self.began), (whole, changed)) if changed else ((whole, self.began),):
            text = json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements}, separators=(",", ":"))
            self.versions += 1
            made.append(
                PolicyVersion(
                    id=self.versions,
                    policy=policy,
                    digest=parse(text).digest,
                    document=text,
                    size=parse(text).size,
                    last_seen_without=at - timedelta(days=1) if made else None,
                    first_seen_at=at,
                )
            )
        policy.current, policy.size = made[-1], made[-1].size
        policy.reading, policy.read_at = Reading.PRESENT, made[-1].first_seen_at
        if self.chance.randrange(200) == 0:  # not readable any more
            policy.reading, policy.unread_since = Reading.UNREAD, self.now - timedelta(days=1)
            policy.unread_reason = "AWS denied lambda:GetPolicy."
        return made

    def _statements(self, policy: Policy, count: int) -> list[dict[str, Any]]:
        found = [self._statement(policy, place) for place in range(count)]
        if policy.function.urls and not policy.qualifier and count > 1:
            auth = policy.function.urls[""]
            url = {"StringEquals": {"lambda:FunctionUrlAuthType": auth}}
            who = "*" if auth == "NONE" else {"AWS": f"arn:aws:iam::{consumer_number(0)}:root"}
            found[0] = _allow("url", who, policy.arn, url, "InvokeFunctionUrl")
            found[1] = _allow("url-invoke", who, policy.arn, {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}})
        return found

    def _statement(self, policy: Policy, place: int) -> dict[str, Any]:
        """Mostly other accounts, their roles, and services for one source; of a hundred about one is too wide."""
        shape, number = self.chance.randrange(200), consumer_number(self.chance.randrange(self.size.consumers))
        arn, region = policy.arn, policy.function.region
        if shape < 90:
            ours = shape < 10
            sid = f"fnshare-{self.key().hex}" if ours else f"share-{place}"
            return _allow(sid, {"AWS": f"arn:aws:iam::{number}:root"}, arn)
        if shape < 120:
            return _allow(f"role-{place}", {"AWS": f"arn:aws:iam::{number}:role/app-{shape % 5}"}, arn)
        if shape < 188:
            service, source = (
                ("s3", f"arn:aws:s3:::bucket-{number[-6:]}-{place}"),
                ("sns", f"arn:aws:sns:{region}:{number}:topic-{place}"),
                ("events", f"arn:aws:events:{region}:{policy.function.account.number}:rule/rule-{place}"),
                ("apigateway", f"arn:aws:execute-api:{region}:{policy.function.account.number}:a{place}/*/GET/"),
            )[shape % 4]
            condition: dict[str, Any] = {"ArnLike": {"AWS:SourceArn": source}}
            if service == "s3":
                condition["StringEquals"] = {"AWS:SourceAccount": number}
            return _allow(f"{service}-{place}", {"Service": f"{service}.amazonaws.com"}, arn, condition)
        if shape < 197:
            return _allow(f"organisation-{place}", "*", arn, {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}})
        if shape < 199:
            return _allow(f"open-{place}", {"Service": "sns.amazonaws.com"}, arn)
        return _allow(f"public-{place}", "*", arn)

    def _grants(self, policy: Policy, document: Document) -> list[Grant]:
        """The shares made here: those whose statement's name says so."""
        from sharing.models import Grant, GrantState
        from sharing.services.granting.digests import equality_of

        made = []
        for statement in document.statements:
            if not (statement.sid or "").startswith("fnshare-"):
                continue
            number = statement.principals[0].account or ""
            at = policy.read_at or self.now
            ends = self.now + timedelta(days=self.chance.randrange(5, 300)) if self.chance.randrange(3) else None
            allowed = self.chance.randrange(3) > 0
            made.append(
                Grant(
                    id=uuid.UUID(str(statement.sid).removeprefix("fnshare-")),
                    policy=policy,
                    state=GrantState.ACTIVE,
                    sid=str(statement.sid),
                    action="lambda:InvokeFunction",
                    principal_kind="account",
                    principal=number,
                    principal_account=number,
                    statement=dict(statement.raw),
                    equality=equality_of(policy, statement.raw),
                    ends_at=ends,
                    reason="Asked for by their team.",
                    requested_as="benchmark",
                    created_at=at,
                    settled_at=at,
                    verdict="allowed" if allowed else "",
                    checked_at=self.now - timedelta(hours=2) if allowed else None,
                )
            )
        return made

    def _events(self, policy: Policy, grants: list[Grant], version: PolicyVersion) -> list[Event]:
        """What history tells of a policy: its change outside, and of each share the request, the answer and some checks."""
        from sharing.models import Event

        function = policy.function
        about: dict[str, Any] = {"account": function.account, "function": function, "qualifier": policy.qualifier}
        found = []
        if version.last_seen_without:
            text = f"The policy of {function.name} was changed outside fnshare: added a statement"
            detail = {"version": version.pk, "size": version.size}
            found.append(
                Event(at=version.first_seen_at, verb="policy.changed", text=text, actor="fnshare", detail=detail, **about)
            )
        for grant in grants:
            told = [("grant.requested", "asked for"), ("grant.active", "in place"), *[("check.done", "tried: allowed")] * 6]
            for place, (verb, words) in enumerate(told):
                at = min(self.now, grant.created_at + timedelta(days=30 * max(0, place - 1), seconds=place))
                text = f"The share of {function.name} with {grant.principal} was {words}"
                found.append(
                    Event(
                        at=at, verb=verb, text=text, actor="benchmark", grant=grant, sid=grant.sid,
                        reason=grant.reason, **about,
                    )
                )  # fmt: skip
        return found

    def _sizes(self) -> Iterator[int]:
        """How many statements each policy has: a few mostly, one of five hundred nearly full, all of them together as asked."""
        many = sum(len(self.policies(number)) for number in range(self.size.functions))
        sizes = [NEARLY_FULL if place % 500 == 1 else self.chance.choice((1, 1, 2, 2, 3, 4, 6, 10)) for place in range(many)]
        free = [place for place in range(many) if sizes[place] < NEARLY_FULL]
        full = NEARLY_FULL * (many - len(free))
        if not len(free) + full <= self.size.statements <= (NEARLY_FULL - 1) * len(free) + full:
            raise ValueError(f"{self.size.statements} statements do not fit into {many} policies.")
        while left := self.size.statements - sum(sizes):
            for place in self.chance.sample(free, min(len(free), abs(left))):
                sizes[place] = max(1, min(NEARLY_FULL - 1, sizes[place] + (1 if left > 0 else -1)))
        return iter(sizes)


def _allow(
    sid: str, principal: Any, arn: str, condition: dict[str, Any] | None = None, action: str = "InvokeFunction"
) -> dict[str, Any]:
    found = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": f"lambda:{action}", "Resource": arn}
    return {**found, "Condition": condition} if condition else found
