"""The way to one layer version's policy in AWS: read it, add a statement, remove one, each inside the lease."""

from __future__ import annotations

from functools import cached_property

from django.utils import timezone

from sharing.aws.functions import Written
from sharing.aws.layers import Layers
from sharing.models import Connection, ConnectionState, LayerVersion, Purpose
from sharing.policy import parse
from sharing.policy.layers import LayerArn, LayerShare
from sharing.services.connecting.entering import layers
from sharing.services.errors import Refusal
from sharing.services.granting.door import NoWayIn, Read
from sharing.services.granting.lease import Lease


class LayerDoor:
    """Every call renews the lease first. Raises aws.errors.Refused and Unavailable, LeaseLost, NoWayIn."""

    def __init__(self, layer: LayerVersion, lease: Lease, *, session_name: str) -> None:
        self._layer = layer
        self._lease = lease
        self._session_name = session_name

    @cached_property
    def connection(self) -> Connection:
        """The manager connection, connected. Raises NoWayIn."""
        account = self._layer.account
        found = Connection.objects.standing().filter(account=account, purpose=Purpose.MANAGER).first()
        if found is None or not found.role_arn:
            raise NoWayIn(Refusal(f"{account} is not connected.", next="Ask an admin to connect it."), for_now=False)
        if found.state == ConnectionState.REFUSED:
            text = f"The connection of {account} was refused: {found.failure}".strip()
            raise NoWayIn(Refusal(text, next=found.failure_next or "Ask an admin to repair it."), for_now=False)
        if found.state != ConnectionState.CONNECTED:
            text = f"The connection of {account} is not usable now: {found.get_state_display().lower()}."
            raise NoWayIn(Refusal(text, next="It goes on by itself once an admin resumed or tested it."), for_now=True)
        return found

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
        return self._layers.add_permission(share.parameters(), revision_id)

    def remove(self, sid: str, *, revision_id: str | None) -> Written:
        """RemoveLayerVersionPermission of one Sid, refused by AWS when the policy is not at `revision_id` any more."""
        self._lease.renew()
        return self._layers.remove_permission(self._layer.name, self._layer.number, sid, revision_id)
