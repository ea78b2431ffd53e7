"""Putting layers into the sandbox, in-process: quick, and in force at once."""

from collections.abc import Iterable

from sharing.sandbox.estate import Estate
from sharing.sandbox.evaluation import Document
from sharing.sandbox.shelf import DEFAULT_CREATED, LayerVersion


class LayerSeeding:
    """Mixed into Seeding. Everything raises ValueError with a sentence when it cannot be done."""

    estate: Estate

    def add_layer_version(
        self,
        account: str,
        region: str,
        name: str,
        *,
        description: str = "",
        runtimes: Iterable[str] = ("python3.13",),
        license: str = "",  # noqa: A002 - the field's own name
        created: str = DEFAULT_CREATED,
    ) -> str:
        """A new version of a layer (its first if there is none): its ARN."""
        made = LayerVersion(
            account,
            region,
            name,
            0,
            description=description,
            runtimes=tuple(runtimes),
            license=license,
            created=created,
        )
        return self.estate.shelf.publish(made).arn

    def put_layer_policy(self, version_arn: str, document: Document | None) -> None:
        """Set (None: remove) the policy of a layer version, whatever it holds."""
        self.layer_version(version_arn).set_policy(document)

    def layer_policy(self, version_arn: str) -> Document | None:
        """The policy as GetLayerVersionPolicy would show it, None when there is none."""
        return self.layer_version(version_arn).document

    def delete_layer_version(self, version_arn: str) -> None:
        """Delete a version, its policy with it."""
        self.estate.shelf.delete(self.layer_version(version_arn))

    def layer_version(self, arn: str) -> LayerVersion:
        """What the shelf holds of a version."""
        parts = arn.split(":")
        found = None
        if len(parts) == 8 and parts[5] == "layer" and parts[7].isdigit():
            found = self.estate.shelf.find(parts[4], parts[3], parts[6], int(parts[7]))
        if found is None:
            raise ValueError(f"The sandbox has no layer version {arn}.")
        return found
