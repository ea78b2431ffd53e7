"""Who the worker is, and the way into a connected account. For workers only, but for `worker` and `manager_of`."""

import functools
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from sharing.aws import session
from sharing.aws.errors import AwsError
from sharing.aws.functions import Functions
from sharing.aws.invoking import InvokerRole
from sharing.aws.layers import Layers
from sharing.aws.metrics import Metrics
from sharing.aws.pace import Pace, Purpose
from sharing.aws.session import CallerIdentity, RoleRef
from sharing.aws.wired import Sources
from sharing.models import Account, Connection, ConnectionState, Installation
from sharing.models import Purpose as ConnectionPurpose
from sharing.policy.arn import FunctionArn
from sharing.policy.layers import LayerArn
from sharing.services.errors import Refusal

#: Longer than a test takes: a test that is wanted for so long was lost on its way to a worker.
_FORGOTTEN = timedelta(seconds=30)


@functools.cache
def pace() -> Pace:
    """The pace this process shares with all workers (Redis). Clicks and background work use the same one."""
    return Pace(settings.REDIS_URL)


def identify_worker() -> Installation:
    """Ask AWS who the worker is and keep the answer. Raises Unavailable; the reason is kept on the row then."""
    try:
        identity = session.identify()
    except AwsError as error:
        # The last known identity stays: templates made from it were right when it was seen.
        Installation.objects.update_or_create(pk=1, defaults={"identity_failure": f"{error.sentence} {error.next}".strip()})
        raise
    known, _ = Installation.objects.update_or_create(
        pk=1,
        defaults={
            "worker_arn": identity.arn,
            "worker_account": identity.account,
            "partition": identity.partition,
            "identified_at": timezone.now(),
            "identity_failure": "",
        },
    )
    return known


def identity_due(now: datetime) -> bool:
    """Whether a worker should tell (again) who it is: never told, failed the last time, or a day ago."""
    known = Installation.objects.filter(pk=1).first()
    if known is None or known.identified_at is None or known.identity_failure:
        return True
    return known.identified_at < now - timedelta(days=1)


def due(now: datetime) -> list[Connection]:
    """Connections whose test is wanted and was not done at once: the broker or a worker was away, or AWS was."""
    return list(
        Connection.objects.standing()
        .filter(test_wanted_at__lte=now - _FORGOTTEN)
        .exclude(state=ConnectionState.AWAITED)
        .order_by("test_wanted_at")
    )


def worker() -> CallerIdentity | None:
    """The worker's identity as it was last seen, without asking AWS; None: no worker has told yet."""
    known = Installation.objects.filter(pk=1).exclude(worker_arn="").first()
    return CallerIdentity(known.worker_arn, known.worker_account, "") if known else None


def role(connection: Connection) -> RoleRef:
    """How to enter the connection's account."""
    return RoleRef(connection.account.partition, connection.account.number, connection.role_arn, connection.external_id)


def invoker_role(connection: Connection) -> InvokerRole:
    """How to enter the connection's account to call a function for real. Raises ValueError for any other than an invoker."""
    account = connection.account
    return InvokerRole(account.partition, account.number, connection.role_arn, connection.external_id, connection.purpose)


def manager_of(account: Account) -> Connection:
    """The manager connection through which the account is read and shared. Raises Refusal when there is none to use."""
    found = (
        Connection.objects.standing()
        .filter(account=account, purpose=ConnectionPurpose.MANAGER)
        .select_related("account")
        .first()
    )
    if found is None:
        raise Refusal(
            f"{account} is not connected.",
            next="Connect it under Settings, Accounts, with a manager role.",
            code="not-connected",
        )
    if found.state == ConnectionState.PAUSED:
        raise Refusal(
            f"{account} is paused: nothing is read or written there.", next="Resume the account first.", code="paused"
        )
    if found.state != ConnectionState.CONNECTED:
        raise Refusal(
            f"{account} is not connected yet ({found.get_state_display().lower()}).",
            next="Test the connection under Settings, Accounts.",
            code="not-connected",
        )
    return found


def functions(
    connection: Connection,
    region: str,
    *,
    purpose: Purpose,
    limited_to: FunctionArn | None = None,
    session_name: str = "fnshare-read",
    share: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Functions:
    """Lambda in one region of the connection's account, at the installation's pace.

    purpose "click" for what a person waits for, "background" for the rest, which keeps to `share` of each rate (None:
    AWS_PACE_SHARE). limited_to: the one function that may be written, in a session that can do nothing else; its name is
    session_name (a grant's id), shown in the owner's CloudTrail. cancelled: asked before each call.
    """
    return Functions(
        role(connection),
        region,
        pace=pace(),
        purpose=purpose,
        limited_to=limited_to,
        session_name=session_name,
        share=settings.AWS_PACE_SHARE if share is None else share,
        cancelled=cancelled,
    )


def layers(
    connection: Connection,
    region: str,
    *,
    purpose: Purpose,
    limited_to: LayerArn | None = None,
    session_name: str = "fnshare-read",
    share: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Layers:
    """Lambda's layers in one region of the connection's account. Everything as in `functions`, for one layer version."""
    return Layers(
        role(connection),
        region,
        pace=pace(),
        purpose=purpose,
        limited_to=limited_to,
        session_name=session_name,
        share=settings.AWS_PACE_SHARE if share is None else share,
        cancelled=cancelled,
    )


def metrics(
    connection: Connection, region: str, *, session_name: str, cancelled: Callable[[], bool] = lambda: False
) -> Metrics:
    """What CloudWatch counted in one region of the connection's account (manager role, mappings stage)."""
    return Metrics(role(connection), region, pace=pace(), session_name=session_name, cancelled=cancelled)


def sources(
    connection: Connection,
    region: str,
    *,
    resource: str,
    session_name: str,
    cancelled: Callable[[], bool] = lambda: False,
    way_in: RoleRef | None = None,
) -> Sources:
    """One source of the connection's account, in a session that can do nothing else.

    Raises ValueError for any other than a source role, and for a source that the role was not made for. way_in: while an
    ExternalId is being rotated, with the new one.
    """
    if connection.purpose != ConnectionPurpose.SOURCE:
        raise ValueError(f"A {connection.purpose} role never touches sources.")
    if resource not in connection.limited_to:
        raise ValueError(f"This source role was not made for {resource}.")
    return Sources(
        way_in or role(connection), region, resource=resource, session_name=session_name, pace=pace(), cancelled=cancelled
    )
