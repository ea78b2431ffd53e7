"""Writing history: one function, called inside the transaction of what it tells."""

from typing import Any

from sharing.models import Account, Actor, Event, Function, Grant, LayerVersion


def record(
    verb: str,
    text: str,
    *,
    by: Actor,
    account: Account | None = None,
    function: Function | None = None,
    qualifier: str = "",
    grant: Grant | None = None,
    layer: LayerVersion | None = None,
    sid: str = "",
    reason: str = "",
    request_id: str = "",
    error_code: str = "",
    detail: dict[str, Any] | None = None,
) -> Event:
    """Append one event. Function, account, qualifier and sid are taken from the grant if only that is given."""
    if grant is not None:
        function = function or grant.policy.function
        qualifier = qualifier or grant.policy.qualifier
        sid = sid or grant.sid
    if layer is not None:
        account = account or layer.account
    if function is not None:
        account = account or function.account
    return Event.objects.create(
        verb=verb,
        text=text,
        person=by.person,
        actor=by.label[:300],
        account=account,
        function=function,
        qualifier=qualifier,
        grant=grant,
        layer=layer,
        sid=sid,
        reason=reason[:500],
        request_id=request_id,
        error_code=error_code,
        detail=detail or {},
    )
