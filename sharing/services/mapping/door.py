"""The way to the mappings of one function in AWS, each call inside the lease of the change it is for."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cached_property

from sharing.aws.errors import Refused
from sharing.aws.mapped import ListedMapping
from sharing.aws.mappings import Accepted, Mappings
from sharing.models import Connection, MappingChange
from sharing.models.mapping_change import GIVES
from sharing.policy.arn import FunctionArn
from sharing.services.connecting.entering import pace, role
from sharing.services.granting.door import way_into
from sharing.services.granting.lease import Lease


class MappingDoor:
    """Every call renews the lease first. Raises aws.errors.Refused and Unavailable, LeaseLost, NoWayIn."""

    def __init__(self, change: MappingChange, lease: Lease) -> None:
        self._change = change
        self._lease = lease

    @property
    def target(self) -> FunctionArn:
        """The function, alias or version that is to run."""
        arn, qualifier = self._change.function.arn, self._change.qualifier
        return FunctionArn.parse(f"{arn}:{qualifier}" if qualifier else arn)

    @cached_property
    def connection(self) -> Connection:
        """The manager connection, connected. Raises NoWayIn."""
        return way_into(self._change.function.account, taking=self._change.kind not in GIVES)

    @property
    def may_map(self) -> bool:
        """Whether the manager role has the mappings stage, as far as a test told; what was not tried is tried now."""
        return bool(self.connection.verbs.get("map", True))

    @cached_property
    def _mappings(self) -> Mappings:
        return Mappings(
            role(self.connection),
            self._change.function.region,
            pace=pace(),
            function=self.target,
            session_name=f"fnshare-{self._change.pk.hex}",
            cancelled=self._lease.lapsed,
        )

    def find(self) -> ListedMapping | None:
        """The mapping from this source to exactly this function, alias or version, if AWS has it."""
        return next((one for one in self._listed() if one.function == self.target), None)

    def get(self) -> ListedMapping | None:
        """The mapping of the change; None: AWS knows none. The change must have one.

        The role's rights hang on the function that the mapping runs: of one that is gone, or that runs another function
        now, AWS says 403. Then the list of the source's mappings tells which it is.
        """
        assert self._change.mapping_id is not None  # noqa: S101  # a constraint says so of all but creations
        self._lease.renew()
        try:
            return self._mappings.get(self._change.mapping_id)
        except Refused as error:
            if not error.is_access_denied:
                raise
        return next((one for one in self._listed() if one.id == self._change.mapping_id), None)

    def _listed(self) -> list[ListedMapping]:
        self._lease.renew()
        return self._mappings.of_source(self._change.source_arn)

    def create(self) -> Accepted:
        """CreateEventSourceMapping with the options of the change."""
        self._lease.renew()
        source = {"FunctionName": str(self.target), "EventSourceArn": self._change.source_arn}
        with self._lease.giving():
            return self._mappings.create({**self._change.options, **source})

    def update(self, **parameters: object) -> Accepted:
        """UpdateEventSourceMapping."""
        assert self._change.mapping_id is not None  # noqa: S101
        self._lease.renew()
        with self._lease.giving() if self._change.kind in GIVES else nullcontext():
            return self._mappings.update(self._change.mapping_id, parameters)

    def delete(self) -> Accepted:
        """DeleteEventSourceMapping."""
        assert self._change.mapping_id is not None  # noqa: S101
        self._lease.renew()
        return self._mappings.delete(self._change.mapping_id)
