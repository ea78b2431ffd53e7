"""What one step puts into a source's own configuration, and how it is told from everything else that is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from sharing.aws.wired import Sources
from sharing.models import WiringStep
from sharing.policy.wiring import Step

from .planning import sid_of

Config = dict[str, Any]


@dataclass(frozen=True)
class Hindrance:
    """Why ours cannot be put in, as it is now: said before AWS would refuse, or would lose something."""

    sentence: str
    next: str
    code: str


class Part(ABC):
    """One step's part. `whole`: writing replaces everything, so nothing else may have changed around the write."""

    whole: ClassVar[bool] = False
    what: ClassVar[str]

    def __init__(self, step: WiringStep, planned: Step) -> None:
        self.sid = sid_of(step.wiring_id)
        self.planned = planned

    @abstractmethod
    def read(self, sources: Sources) -> Config:
        """What the source holds now."""

    @abstractmethod
    def holds(self, config: Config) -> bool:
        """Whether ours is there, as it is wanted."""

    def absent(self, config: Config) -> bool:
        """Whether nothing is there under our id."""
        return not self.holds(config)

    def with_ours(self, config: Config) -> Config:
        """All of it, with ours; everything else exactly as it is."""
        return config

    def without_ours(self, config: Config) -> Config:
        """All of it, without ours; everything else exactly as it is."""
        return config

    @abstractmethod
    def add(self, sources: Sources, config: Config) -> str:
        """Put ours into what was just read; AWS's request id."""

    @abstractmethod
    def remove(self, sources: Sources, config: Config) -> str:
        """Take ours out of what was just read; AWS's request id."""

    def hindrance(self, config: Config) -> Hindrance | None:
        """Why ours cannot be put in now; None if nothing is known to be in the way."""
        if self.holds(config) or self.absent(config):
            return None
        sentence = f"Something else is in {self.what} under the id {self.sid}: it is not what fnshare would write."
        return Hindrance(sentence, "Look at it in AWS, take it out if nobody needs it, then try again.", "taken")

    def same(self, one: Config, other: Config) -> bool:
        """Whether two answers mean the same, in whatever order AWS gives them."""
        return bool(self.plain(one) == self.plain(other))

    def plain(self, config: Config) -> Any:
        """A form in which equal meanings are equal."""
        return config


class Whole(Part):
    """One document that is put back whole."""

    whole = True

    @abstractmethod
    def put(self, sources: Sources, config: Config) -> str:
        """Replace all of it; AWS's request id."""

    def add(self, sources: Sources, config: Config) -> str:
        return self.put(sources, self.with_ours(config))

    def remove(self, sources: Sources, config: Config) -> str:
        return self.put(sources, self.without_ours(config))
