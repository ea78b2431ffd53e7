"""The functions of every account and region: versions, aliases, URLs, tags, and one policy per qualifier.

moto keeps one policy for a function and all its aliases, and pages nothing, so the estate is the layer's own.
"""

import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from sharing.sandbox.evaluation import Document
from sharing.sandbox.shelf import Shelf

LATEST = "$LATEST"
NEVER = float("-inf")

DEFAULT_LAST_MODIFIED = "2026-06-01T09:00:00.000+0000"


@dataclass
class Policy:
    """A resource policy. document: internal form, principals bound to unique ids. Old versions serve slow propagation."""

    document: Document
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Url:
    auth_type: str
    url: str
    invoke_mode: str = "BUFFERED"
    created: str = DEFAULT_LAST_MODIFIED
    modified: str = DEFAULT_LAST_MODIFIED
    cors: dict[str, Any] | None = None


@dataclass
class Alias:
    name: str
    version: str
    description: str = ""
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))
    routing: dict[str, Any] | None = None


@dataclass
class Configuration:
    """What a version freezes: everything ListFunctions shows of a function."""

    description: str = ""
    runtime: str = "python3.13"
    handler: str = "app.handler"
    role: str = ""
    timeout: int = 3
    memory: int = 128
    environment: dict[str, str] = field(default_factory=dict)
    last_modified: str = DEFAULT_LAST_MODIFIED
    code_size: int = 1024
    code_sha256: str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    architectures: tuple[str, ...] = ("x86_64",)
    package_type: str = "Zip"
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Function:
    account: str
    region: str
    name: str
    latest: Configuration
    partition: str = "aws"
    versions: dict[str, Configuration] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    urls: dict[str, Url] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    history: dict[str, list[tuple[float, Document | None]]] = field(default_factory=dict)
    next_version: int = 1
    changed: bool = True
    answer: Any = None
    fails: bool = False
    takes: float = 0.0

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.name}"

    def qualified(self, qualifier: str | None) -> str:
        return f"{self.arn}:{qualifier}" if qualifier else self.arn

    def has(self, qualifier: str | None) -> bool:
        return not qualifier or qualifier == LATEST or qualifier in self.aliases or qualifier in self.versions

    def version_of(self, qualifier: str | None) -> str:
        """The version that a call with this qualifier runs."""
        if not qualifier or qualifier == LATEST:
            return LATEST
        alias = self.aliases.get(qualifier)
        return alias.version if alias else qualifier

    def configuration(self, version: str) -> Configuration:
        return self.latest if version == LATEST else self.versions[version]

    def publish(self, description: str | None = None) -> str:
        """Freeze the latest configuration as a new version; its number."""
        number = str(self.next_version)
        self.next_version += 1
        frozen = Configuration(**{**vars(self.latest), "revision": str(uuid.uuid4())})
        if description is not None:
            frozen.description = description
        self.versions[number] = frozen
        self.changed = False
        return number

    def set_policy(self, qualifier: str | None, document: Document | None, *, at: float | None = None) -> Policy | None:
        """Replace the policy of one qualifier; None removes it. at: monotonic seconds, NEVER = in force long ago."""
        key = qualifier or ""
        moment = time.monotonic() if at is None else at
        self.history.setdefault(key, [(NEVER, None)]).append((moment, document))
        if document is None:
            self.policies.pop(key, None)
            return None
        policy = self.policies[key] = Policy(document)
        return policy

    def policy(self, qualifier: str | None) -> Policy | None:
        return self.policies.get(qualifier or "")

    def policy_in_force(self, qualifier: str | None, delay: float) -> Document | None:
        """The document that Invoke obeys when changes need `delay` seconds to spread."""
        if delay <= 0:
            policy = self.policies.get(qualifier or "")
            return policy.document if policy else None
        horizon = time.monotonic() - delay
        versions = self.history.get(qualifier or "", [])
        return next((document for since, document in reversed(versions) if since <= horizon), None)

    def forget(self, qualifier: str) -> None:
        """Drop policy and URL of an alias or version that is being deleted."""
        self.policies.pop(qualifier, None)
        self.history.pop(qualifier, None)
        self.urls.pop(qualifier, None)


class Estate:
    """All functions, and the shelf with all layers. The lock is held for every read and write of more than one step."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.shelf = Shelf()
        self._places: dict[tuple[str, str], dict[str, Function]] = {}
        self._sorted: dict[tuple[str, str], list[str]] = {}

    def reset(self) -> None:
        with self.lock:
            self._places.clear()
            self._sorted.clear()
            self.shelf.reset()

    def add(self, function: Function) -> None:
        place = (function.account, function.region)
        with self.lock:
            self._places.setdefault(place, {})[function.name] = function
            self._sorted.pop(place, None)

    def remove(self, function: Function) -> None:
        place = (function.account, function.region)
        with self.lock:
            self._places[place].pop(function.name, None)
            self._sorted.pop(place, None)

    def find(self, account: str, region: str, name: str) -> Function | None:
        return self._places.get((account, region), {}).get(name)

    def names(self, account: str, region: str) -> list[str]:
        """Names of all functions there, sorted."""
        place = (account, region)
        with self.lock:
            if place not in self._sorted:
                self._sorted[place] = sorted(self._places.get(place, {}))
            return self._sorted[place]

    def everything(self) -> list[Function]:
        with self.lock:
            return [function for functions in self._places.values() for function in functions.values()]


_FUNCTION_NAME = re.compile(
    r"(?:arn:(?P<partition>[a-zA-Z-]+):lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?P<marker>function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


@dataclass(frozen=True)
class Target:
    """What a FunctionName parameter names; account and region filled in from the caller where it is silent."""

    account: str
    region: str
    name: str
    qualifier: str | None
    partition: str = "aws"

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def full(self) -> str:
        return f"{self.arn}:{self.qualifier}" if self.qualifier else self.arn


def parse_function_name(text: str) -> dict[str, str | None] | None:
    """The parts of a name, partial ARN or full ARN; None when it is none of them."""
    found = _FUNCTION_NAME.fullmatch(text)
    return found.groupdict() if found else None
