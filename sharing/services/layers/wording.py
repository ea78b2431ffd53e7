"""Sentences about grants of layer versions."""

from __future__ import annotations

from collections.abc import Mapping

from sharing.models import LayerGrant
from sharing.policy import Principal, PrincipalKind, plain
from sharing.policy.layers import LayerArn, LayerShare
from sharing.services.naming import account_names

#: What every revoke says before the click (aws-facts 7).
KEPT = (
    "Functions that use this layer version already keep it, and whoever fetched its code keeps that: "
    "revoking stops new uses only. Deleting the version would not change that."
)


def share_of(grant: LayerGrant) -> LayerShare:
    """The share that a grant is, for the kinds AWS takes; an adopted statement may name others, for words only."""
    layer = LayerArn.parse(grant.layer.arn)
    kind = PrincipalKind(grant.principal_kind)
    return LayerShare(layer, grant.sid, Principal(kind, grant.principal, grant.principal_account or None, layer.partition))


def named(grant: LayerGrant, names: Mapping[str, str] | None = None) -> str:
    """The grant in words: `Functions of Acme may use version 2 of layer image-tools in us-east-1`."""
    share = share_of(grant)
    known = account_names() if names is None else names
    if share.principal.kind.value not in ("account", "organization", "everyone"):
        who = share.principal.label(known)
        return f"{who[:1].upper()}{who[1:]} may use version {grant.layer.number} of layer {grant.layer.name}"
    return plain(share.sentence(known)).removesuffix(".")
