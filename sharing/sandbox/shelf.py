"""The layers of every account and region: numbered versions, each with a policy of its own.

moto keeps layers without policies and pages nothing, so the shelf is the sandbox's own, like the estate of functions.
"""

import threading
import uuid
from dataclasses import dataclass, field

from sharing.sandbox.evaluation import Document

DEFAULT_CREATED = "2026-06-01T09:00:00.000+0000"


@dataclass
class LayerVersion:
    """One version. document: its policy, None when it has none; revision changes with every change of it."""

    account: str
    region: str
    name: str
    number: int
    partition: str = "aws"
    description: str = ""
    license: str = ""
    created: str = DEFAULT_CREATED
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    code_size: int = 1024
    document: Document | None = None
    revision: str = ""

    @property
    def layer_arn(self) -> str:
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:layer:{self.name}"

    @property
    def arn(self) -> str:
        return f"{self.layer_arn}:{self.number}"

    def set_policy(self, document: Document | None) -> None:
        self.document = document
        self.revision = str(uuid.uuid4()) if document is not None else ""


@dataclass
class Layer:
    """A name and its versions. last: the highest number ever given; AWS gives none twice."""

    versions: dict[int, LayerVersion] = field(default_factory=dict)
    last: int = 0


class Shelf:
    """All layers. The lock is held for every read and write of more than one step."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._places: dict[tuple[str, str], dict[str, Layer]] = {}

    def reset(self) -> None:
        with self.lock:
            self._places.clear()

    def publish(self, version: LayerVersion) -> LayerVersion:
        """Put a version on the shelf under the next number of its layer."""
        with self.lock:
            layer = self._places.setdefault((version.account, version.region), {}).setdefault(version.name, Layer())
            layer.last += 1
            version.number = layer.last
            layer.versions[version.number] = version
            return version

    def delete(self, version: LayerVersion) -> None:
        with self.lock:
            self._places[version.account, version.region][version.name].versions.pop(version.number, None)

    def find(self, account: str, region: str, name: str, number: int) -> LayerVersion | None:
        layer = self._places.get((account, region), {}).get(name)
        return layer.versions.get(number) if layer else None

    def versions(self, account: str, region: str, name: str) -> list[LayerVersion]:
        """Versions that were not deleted, the newest first."""
        with self.lock:
            layer = self._places.get((account, region), {}).get(name)
            return [layer.versions[number] for number in sorted(layer.versions, reverse=True)] if layer else []

    def names(self, account: str, region: str) -> list[str]:
        """Layers that still have a version, sorted."""
        with self.lock:
            return sorted(name for name, layer in self._places.get((account, region), {}).items() if layer.versions)

    def everything(self) -> list[LayerVersion]:
        with self.lock:
            return [
                version for layers in self._places.values() for layer in layers.values() for version in layer.versions.values()
            ]
