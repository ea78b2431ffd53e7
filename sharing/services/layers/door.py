"""The way to one layer version's policy in AWS: read it, add a statement, remove one, each inside the lease."""

from __future__ import annotations

from functools import cached_property

from django.utils import timezone

from sharing.aws.functions import Written
from sharing.aws.layers import Layers
from sharing.models import Connection, LayerVersion
from sharing.policy import parse
from sharing.policy.layers import LayerArn, LayerShare
from sharing.services.connecting.entering import layers
from sharing.services.granting.door import Read, way_into
from sharing.services.granting.lease import Lease


class LayerDoor:
    """Every call renews the lease first. Raises aws.errors.Refused and Unavailable, LeaseLost, NoWayIn."""

    def __init__(self, layer: LayerVersion, lease: Lease, *, session_name: str, taking: bool = False) -> None:
        self._layer = layer
        self._taking = taking
        self._lease = lease
        self._session_name = session_name

    @cached_property
    def connection(self) -> Connection:
        """The manager connection, connected. Raises NoWayIn."""
        return way_into(self._layer.account, taking=self._taking)

    @property
    def may_share(self) -> bool:
        """Whether the manager role was found to be allowed to share layers; what was not tried is tried now."""
        verbs = self.connection.verbs
        return bool(verbs.get("share_layers", verbs.get("share")))

    @cached_property
    def _layers(self) -> Layers:
        return layers(
            self.connection,
            self._layer.region,
            purpose="click",
            limited_to=LayerArn.parse(self._layer.arn),
            session_name=self._session_name,
            cancelled=self._lease.lapsed,
        )

    def read(self) -> Read:
        """The policy as AWS has it now. 404 means: no policy (or no such version, which a write will tell)."""
        self._lease.renew()
        at = timezone.now()
        stored = self._layers.policy(self._layer.name, self._layer.number)
        return Read(parse(stored.document if stored else None), stored, at)

    def add(self, share: LayerShare, *, revision_id: str | None) -> Written:
        """AddLayerVersionPermission, refused by AWS when the policy is not at `revision_id` any more."""
        self._lease.renew()
        with self._lease.giving():
            return self._layers.add_permission(share.parameters(), revision_id)

    def remove(self, sid: str, *, revision_id: str | None) -> Written:
        """RemoveLayerVersionPermission of one Sid, refused by AWS when the policy is not at `revision_id` any more."""
        self._lease.renew()
        return self._layers.remove_permission(self._layer.name, self._layer.number, sid, revision_id)
