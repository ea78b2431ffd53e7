"""Entering accounts: who the worker is, and clients that act through a role.

One botocore loader per process (a session of its own costs 10 MB and 117 ms a client, a shared loader 0.3 MB and 5 ms),
sessions and clients kept in least-recently-used order. Assumed sessions last one hour, which is also all that AWS gives
when one role assumes the next; narrowed ones 15 minutes, the shortest AWS offers (aws-facts 5.1).

Of Lambda, which each grant enters with a session of its own, one client serves every session of a region: what is made once
then is not only the client but the connection to AWS as well. Whose call it is, it is told for each call.
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import botocore
import botocore.credentials
import botocore.loaders
import botocore.session
from botocore.config import Config

from . import endpoints, noting
from .acting import As, OnlyActing, SessionCredentials, acting_as
from .errors import CREDENTIAL_CODES, TROUBLE, AwsError, classify

BROAD = 3600
NARROW = 900
_SESSIONS = 128
_CLIENTS = 64
#: Calls of one shared client that may be under way at once without opening a connection just for them.
_CONNECTIONS = 64

_HOME_REGION = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}


@dataclass(frozen=True)
class RoleRef:
    """A role to enter an account by. account: 12 digits; external_id: what its trust policy asks for."""

    partition: str
    account: str
    role_arn: str
    external_id: str

    def __repr__(self) -> str:
        # The ExternalId is no secret, but it has no business in logs either.
        return f"RoleRef({self.role_arn})"


@dataclass(frozen=True)
class CallerIdentity:
    """GetCallerIdentity's answer. arn: a user, a role session or the root of the account."""

    arn: str
    account: str
    user_id: str

    @property
    def partition(self) -> str:
        """E.g. `aws`."""
        return self.arn.split(":", 2)[1]

    @property
    def principal_arn(self) -> str:
        """The ARN a trust policy names: a session's role, without its path, which a session ARN does not carry."""
        head, _, resource = self.arn.rpartition(":")
        if resource.startswith("assumed-role/"):
            role = resource.split("/")[1]
            return f"{head.replace(':sts:', ':iam:')}:role/{role}"
        return self.arn

    @property
    def lost_path(self) -> bool:
        """Whether the role may have a path (`role/team/name`) that `principal_arn` cannot know."""
        return ":assumed-role/" in self.arn


_lock = threading.RLock()
# One thread assumes a role, the others wait for its session: striped, so that different roles hardly ever wait.
_assuming = [threading.Lock() for _ in range(1024)]
_loader: botocore.loaders.Loader | None = None
_base: botocore.session.Session | None = None
_shared: botocore.session.Session | None = None
_sessions: "OrderedDict[tuple[str, ...], SessionCredentials]" = OrderedDict()
_clients: "OrderedDict[tuple[str, ...], Any]" = OrderedDict()


def forget() -> None:
    """Drop the worker's credentials, every session and every client: the next call starts from the environment."""
    global _base, _shared
    with _lock:
        _base = _shared = None
        _sessions.clear()
        _clients.clear()


def _forget_worker() -> None:
    global _base
    with _lock:
        _base = None
        for key in [key for key in _clients if key[0] == "worker"]:
            del _clients[key]


def home_region(partition: str = "aws") -> str:
    """The region whose STS is asked: the environment's if it belongs to the partition, else the partition's first."""
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    home = _HOME_REGION.get(partition, _HOME_REGION["aws"])
    return named if named in known_regions(partition) else home


def known_regions(partition: str = "aws") -> list[str]:
    """Regions of the partition that have Lambda, as this installation's botocore knows them. No network."""
    with _lock:
        return sorted(_worker_session().get_available_regions("lambda", partition_name=partition))


def identify() -> CallerIdentity:
    """Who the worker is. STS GetCallerIdentity: needs no permission and cannot be denied. Raises Unavailable."""
    return _identity(_client_of_worker("sts", home_region()))


def identity_of(role: RoleRef, *, session_name: str) -> CallerIdentity:
    """Who one is after assuming the role: names the account for sure. STS GetCallerIdentity."""
    return _identity(client("sts", home_region(role.partition), role, session_name=session_name))


def assume(role: RoleRef, *, session_name: str, policy: str = "", external_id: str | None = "") -> None:
    """Try AssumeRole, keep nothing: for proving what a trust policy demands.

    external_id: None sends none, a text sends that one, "" the role's own. Raises Refused when AWS says no.
    """
    wanted = role.external_id if external_id == "" else external_id
    _assume(role, session_name, policy, NARROW, wanted)


def client(
    service: str,
    region: str,
    role: RoleRef,
    *,
    session_name: str,
    policy: str = "",
    seconds: int = BROAD,
    timeout: float = 20.0,
) -> Any:
    """A boto client acting as the role in one region; made once, renewed before its session ends.

    session_name: appears in the owner's CloudTrail; 2 to 64 of `[\\w+=,.@-]`, no e-mail. policy: a session policy, which
    can only take rights away. timeout: seconds for an answer. Never retries by itself: every attempt must pay its pace.
    Raises Refused or Unavailable when the role cannot be assumed, Refused for a region that is none of its partition.
    """
    endpoints.check_region(region, role.partition)
    key = _key_of(role, session_name, policy, seconds)
    credentials = _known(key)
    if credentials is None:
        with _assuming[hash(key) % len(_assuming)]:
            credentials = _known(key)
            if credentials is None:
                credentials = _assume(role, session_name, policy, seconds, role.external_id)
                with _lock:
                    _remember(_sessions, key, credentials, _SESSIONS)
    if service == "lambda":
        return As(_shared_client(service, region, timeout), credentials, role.account)
    of_client = (service, region, str(timeout), hashlib.sha256(credentials.token.encode()).hexdigest(), credentials.access_key)
    with _lock:
        made = _clients.get(of_client)
        if made is None:
            made = _worker_session().create_client(
                service,
                region_name=region,
                aws_access_key_id=credentials.access_key,
                aws_secret_access_key=credentials.secret_key,
                aws_session_token=credentials.token,
                config=_config(timeout, service),
            )
            noting.listen(made, account=lambda: role.account, region=region)
        _remember(_clients, of_client, made, _CLIENTS)
        return made


def _shared_client(service: str, region: str, timeout: float) -> Any:
    """The client of this region for all sessions; to be used through `As` only."""
    global _shared
    key = ("shared", service, region, str(timeout))
    with _lock:
        made = _clients.get(key)
        if made is None:
            if _shared is None:
                _shared = _new_session()
                only = botocore.credentials.CredentialResolver([OnlyActing()])
                _shared.register_component("credential_provider", only)
            made = _shared.create_client(service, region_name=region, config=_config(timeout, service))
            noting.listen(made, account=lambda: acting_as.get()[1], region=region)
        _remember(_clients, key, made, _CLIENTS)
        return made


def is_open(role: RoleRef, *, session_name: str, policy: str, seconds: int) -> bool:
    """Whether `client` would find such a session, without asking AWS for one."""
    return _known(_key_of(role, session_name, policy, seconds)) is not None


def _key_of(role: RoleRef, session_name: str, policy: str, seconds: int) -> tuple[str, ...]:
    """Broad sessions of one role and policy are shared, whatever they are called; narrowed ones carry their own name."""
    return (role.role_arn, role.external_id, policy, session_name if seconds == NARROW else "")


def drop(role: RoleRef) -> None:
    """Forget the role's sessions, after AWS stopped accepting them."""
    with _lock:
        for key in [key for key in _sessions if key[0] == role.role_arn]:
            del _sessions[key]


def _known(key: tuple[str, ...]) -> SessionCredentials | None:
    with _lock:
        credentials = _sessions.get(key)
        if credentials is None or not credentials.fresh:
            return None
        _sessions.move_to_end(key)
        return credentials


def _remember(cache: "OrderedDict[tuple[str, ...], Any]", key: tuple[str, ...], value: Any, limit: int) -> None:
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > limit:
        cache.popitem(last=False)


def _worker_session() -> botocore.session.Session:
    """The worker's own identity, from the standard AWS variables or an instance role. Call with the lock held."""
    global _base
    if _base is None:
        _base = _new_session()
    return _base


def _new_session() -> botocore.session.Session:
    """One that looks where each request goes. Call with the lock held."""
    global _loader
    if _loader is None:
        _loader = botocore.loaders.create_loader()
    made = botocore.session.Session()
    made.register_component("data_loader", _loader)
    endpoints.watch(made)
    return made


def _config(timeout: float, service: str = "") -> Config:
    s3: Any = {}
    if service == "s3":
        s3["us_east_1_regional_endpoint"] = "regional"
        if os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
            s3["addressing_style"] = "path"  # a local endpoint has no name for each bucket
    return Config(
        s3=s3 or None,
        connect_timeout=5,
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=_CONNECTIONS if service == "lambda" else 16,
        user_agent=f"fnshare Botocore/{botocore.__version__}",  # botocore's own is put together anew for every call
        parameter_validation=True,
    )


def _client_of_worker(service: str, region: str) -> Any:
    with _lock:
        key = ("worker", service, region)
        made = _clients.get(key)
        if made is None:
            try:
                made = _worker_session().create_client(service, region_name=region, config=_config(10.0))
                noting.listen(made, account=lambda: "", region=region)
            except TROUBLE as problem:
                raise classify(problem, "GetCallerIdentity") from None
        _remember(_clients, key, made, _CLIENTS)
        return made


def _identity(sts: Any) -> CallerIdentity:
    try:
        said = sts.get_caller_identity()
        return CallerIdentity(arn=said["Arn"], account=said["Account"], user_id=said["UserId"])
    except TROUBLE as problem:
        raise classify(problem, "GetCallerIdentity") from None


def _assume(role: RoleRef, session_name: str, policy: str, seconds: int, external_id: str | None) -> SessionCredentials:
    """STS AssumeRole at a regional endpoint; transient trouble is tried three times."""
    request: dict[str, Any] = {"RoleArn": role.role_arn, "RoleSessionName": session_name[:64], "DurationSeconds": seconds}
    if external_id is not None:
        request["ExternalId"] = external_id
    if policy:
        request["Policy"] = policy
    for pause in (0.3, 1.0, None):
        try:
            said = _client_of_worker("sts", home_region(role.partition)).assume_role(**request)["Credentials"]
            return SessionCredentials(
                said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"], said["Expiration"].timestamp()
            )
        except TROUBLE as problem:
            error: AwsError = classify(problem, "AssumeRole")
        if error.code in CREDENTIAL_CODES:
            # The worker's own credentials: read them anew, they may have been renewed behind our back.
            _forget_worker()
        if pause is None or not _transient(error):
            raise error from None
        time.sleep(pause)
    raise AssertionError("unreachable")


def _transient(error: AwsError) -> bool:
    return error.status == 0 or error.status == 429 or error.status >= 500 or error.code in CREDENTIAL_CODES
