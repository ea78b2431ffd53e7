"""The way to one source in AWS, each call inside the leases of the step it is for and of the source itself."""

from __future__ import annotations

from functools import cached_property

from sharing.aws.wired import Sources
from sharing.models import WiringSource, WiringStep
from sharing.services.connecting import entering
from sharing.services.granting.lease import Lease

from .roles import way_to


class SourceDoor:
    """`sources` renews the leases first. Raises aws.errors.Refused and Unavailable, LeaseLost, NoWayIn."""

    def __init__(self, step: WiringStep, *leases: Lease) -> None:
        self._step = step
        self._leases = leases

    @property
    def sources(self) -> Sources:
        """The source, for exactly one call."""
        for lease in self._leases:
            lease.renew()
        return self._sources

    @cached_property
    def _sources(self) -> Sources:
        wiring = self._step.wiring
        return entering.sources(
            way_to(wiring.source_arn, self._step.account),
            wiring.source_region or wiring.function.region,
            resource=wiring.source_arn,
            session_name=f"fnshare-{self._step.pk.hex}",
            cancelled=lambda: any(lease.lapsed() for lease in self._leases),
        )


def source_row(arn: str) -> WiringSource:
    """The row whose lease lets one worker at a time change this source, whichever wiring it is for."""
    return WiringSource.objects.get_or_create(arn=arn)[0]
