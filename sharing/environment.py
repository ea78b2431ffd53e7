"""What the environment may say, and what is said back when it is missing or malformed.

Every reader returns a usable value or ends the process with one line that names the variable and what to do.
Ending is by SystemExit: a start that cannot succeed prints no stack trace, under manage.py, Celery and gunicorn alike.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, overload
from urllib.parse import unquote, urlsplit

import environ

from sharing.quiet import QuietHours, parse

CHECKOUT = Path(__file__).resolve().parent.parent


class Misconfigured(SystemExit):
    """The start stops: one variable is missing or malformed. `str()` is the line that is printed."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"fnshare cannot start: {name} {problem}")


def required(name: str, what: str) -> str:
    """The variable's text, stripped. `what` tells a person what belongs there."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise Misconfigured(name, f"is not set. Set it to {what}; .env.example has every variable.")
    return value


def secret_key() -> str:
    """SECRET_KEY: at least 50 characters, as Django's own deployment check asks."""
    value = required("SECRET_KEY", "a random text of 50 characters or more")
    if len(value) < 50 or len(set(value)) < 5:
        raise Misconfigured("SECRET_KEY", "is too weak. Use a random text of 50 characters or more.")
    return value


def hosts() -> list[str]:
    """ALLOWED_HOSTS: names the web process answers to, separated by commas."""
    names = [name.strip() for name in required("ALLOWED_HOSTS", "the host names, separated by commas").split(",")]
    for name in names:
        if not name or re.search(r"[\s/@]", name) or re.search(r":\d*$", name.partition("]")[2] or name.replace("::", "")):
            raise Misconfigured(
                "ALLOWED_HOSTS", f"has {name!r}, which is no host name. No scheme and no port: fnshare.example.com"
            )
    return names


def url(name: str, what: str, schemes: tuple[str, ...]) -> str:
    """A required URL with one of these schemes."""
    value = required(name, what)
    return _checked_url(name, value, schemes)


def _checked_url(name: str, value: str, schemes: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise Misconfigured(name, "is not a URL.") from None
    if parts.scheme not in schemes:
        raise Misconfigured(name, f"must start with {' or '.join(f'{s}:' for s in schemes)}")
    return value


def database() -> dict[str, object]:
    """DATABASE_URL as Django's dict: PostgreSQL, or a SQLite file. A relative SQLite path starts at the checkout."""
    value = url("DATABASE_URL", "postgres://user:password@host/name or sqlite:///path", ("postgres", "postgresql", "sqlite"))
    return _sqlite(value) if value.startswith("sqlite:") else _postgresql(value)


def _sqlite(value: str) -> dict[str, object]:
    """sqlite:///relative/path or sqlite:////absolute/path."""
    parts = urlsplit(value)
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or not path or path == ":memory:" or path.endswith("/"):
        raise Misconfigured(
            "DATABASE_URL", "names no SQLite file. Example: sqlite:///var/fnshare.sqlite3, or sqlite:////srv/fnshare.sqlite3"
        )
    if Path(CHECKOUT / path).is_dir():
        raise Misconfigured("DATABASE_URL", f"names a folder, {path}. Name a file in it: sqlite:///{path}/fnshare.sqlite3")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(CHECKOUT / path),
        # WAL, a busy timeout and IMMEDIATE transactions: several processes write at once without "database is locked".
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


#: A thread cannot be ended: without these, one whose server is gone without a word would wait for a quarter of an hour to hear
#: of it, or for ever. Seconds; the last one in milliseconds. What DATABASE_URL says goes first.
_GIVE_UP = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
#: Options of DATABASE_URL that Django takes for itself; the others go to PostgreSQL's own library.
_OF_DJANGO = frozenset({"assume_role", "isolation_level", "pool", "server_side_binding"})


def _postgresql(value: str) -> dict[str, object]:
    import psycopg  # not for those with a SQLite file: it takes its time

    try:
        config: dict[str, Any] = environ.Env.db_url_config(value)
    except Exception:  # noqa: BLE001  # django-environ raises many kinds; a URL it cannot read is one line, never a trace
        raise Misconfigured("DATABASE_URL", "is not a database URL. Example: postgres://user:password@host/name") from None
    if not config.get("NAME"):
        raise Misconfigured("DATABASE_URL", "names no database. Example: postgres://user:password@host/name")
    options: dict[str, Any] = config.get("OPTIONS", {})
    try:
        psycopg.conninfo.make_conninfo(**{name: each for name, each in options.items() if name not in _OF_DJANGO})
    except psycopg.Error as problem:
        raise Misconfigured("DATABASE_URL", f"has an option that PostgreSQL does not take: {str(problem).strip()}.") from None
    config["CONN_MAX_AGE"] = 60
    config["CONN_HEALTH_CHECKS"] = True
    config["OPTIONS"] = _GIVE_UP | options
    return config


def broker() -> str:
    """REDIS_URL as redis-py reads it: redis://, rediss:// or unix:// (Celery's redis+socket:// is understood too)."""
    value = url("REDIS_URL", "redis://host:6379/0", ("redis", "rediss", "redis+socket", "unix"))
    parts = urlsplit(value)
    if parts.scheme in ("redis+socket", "unix"):
        if not parts.path.strip("/") or parts.netloc.rpartition("@")[2]:
            raise Misconfigured("REDIS_URL", f"names no socket. Example: {parts.scheme}:///run/valkey/valkey.sock")
        return value.replace("redis+socket:", "unix:", 1)
    if not parts.hostname:
        raise Misconfigured("REDIS_URL", "names no host. Example: redis://host:6379/0")
    if not re.fullmatch(r"/?|/\d+", parts.path):
        raise Misconfigured("REDIS_URL", f"ends in {parts.path!r}, which is no database number. Example: redis://host:6379/0")
    return value


def as_celery_reads(broker_url: str) -> str:
    """The same address for Celery, which has a scheme of its own for sockets."""
    return broker_url.replace("unix:", "redis+socket:", 1)


def public_url() -> str:
    """PUBLIC_URL: where people reach the dashboard; https, or http on this machine only. No trailing slash."""
    value = url("PUBLIC_URL", "the address people open, such as https://fnshare.example.com", ("https", "http"))
    parts = urlsplit(value)
    if not parts.hostname:
        raise Misconfigured("PUBLIC_URL", "names no host. Example: https://fnshare.example.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Misconfigured("PUBLIC_URL", "must be https, unless it is on this machine (localhost).")
    if "@" in parts.netloc or parts.path.strip("/") or "?" in value or "#" in value:
        raise Misconfigured(
            "PUBLIC_URL", "has more than a host and a port. fnshare has a host of its own: https://fnshare.example.com"
        )
    return value.rstrip("/")


def endpoint() -> str | None:
    """AWS_ENDPOINT_URL, if set: https, unless loopback, so that credentials never travel in the clear."""
    value = os.environ.get("AWS_ENDPOINT_URL", "").strip()
    if not value:
        return None
    _checked_url("AWS_ENDPOINT_URL", value, ("https", "http"))
    parts = urlsplit(value)
    if not parts.hostname:
        raise Misconfigured("AWS_ENDPOINT_URL", "names no host. Example: https://lambda.example.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Misconfigured("AWS_ENDPOINT_URL", "must be https, unless it is on this machine (127.0.0.1).")
    return value.rstrip("/")


def pace_share() -> float:
    """AWS_PACE_SHARE: the part of each AWS rate that background reads may use; above 0, at most 1."""
    value = os.environ.get("AWS_PACE_SHARE", "").strip() or "0.33"
    try:
        share = float(value)
    except ValueError:
        raise Misconfigured("AWS_PACE_SHARE", f"is {value!r}. Use a number above 0 and at most 1, such as 0.33.") from None
    if not 0 < share <= 1:
        raise Misconfigured("AWS_PACE_SHARE", f"is {value}. Use a number above 0 and at most 1, such as 0.33.")
    return share


def pace_processes() -> int:
    """AWS_PACE_PROCESSES: how many worker processes there are on all machines; each keeps to its part without the broker."""
    return _number("AWS_PACE_PROCESSES", 2, most=1000)


def web_processes() -> int:
    """WEB_CONCURRENCY: how many web processes there are; gunicorn reads it too, and would answer nonsense with a trace."""
    return _number("WEB_CONCURRENCY", 2, most=64)


def syncs_at_once() -> int:
    """SYNCS_AT_ONCE: how many places are read at once, or queued for it, on all machines."""
    return _number("SYNCS_AT_ONCE", 32, most=2000)


def quiet_hours() -> QuietHours | None:
    """QUIET_HOURS: when the schedule reads nothing; `08:00-18:00 Europe/Berlin`. None when unset."""
    value = os.environ.get("QUIET_HOURS", "").strip()
    try:
        return parse(value) if value else None
    except ValueError as problem:
        raise Misconfigured("QUIET_HOURS", f"{problem}: {value!r}. Example: 08:00-18:00 Europe/Berlin") from None


def sweep_seconds() -> float:
    """SWEEP_SECONDS: from one look for waiting rows to the next."""
    return _seconds("SWEEP_SECONDS", 20.0, least=0.5)


def lease_seconds() -> float:
    """LEASE_SECONDS: how long a worker that was killed keeps a policy to itself. Must outlast the slowest call to AWS."""
    return _seconds("LEASE_SECONDS", 45.0, least=1.0)


def owner_tag() -> str:
    """OWNER_TAG: the key of the tag that names a function's owners by e-mail address; "" when tags say nothing about that."""
    value = os.environ.get("OWNER_TAG", "").strip()
    if len(value) > 128:
        raise Misconfigured("OWNER_TAG", "is longer than any tag's key: AWS allows 128 characters.")
    return value


def worker_limits() -> Path | None:
    """WORKER_LIMITS: the file that says what workers may write; None without. Read by workers only, before each write.

    No part of the settings: those are the web process's too, which is started without the variable.
    """
    value = os.environ.get("WORKER_LIMITS", "").strip()
    return Path(value) if value else None


def metrics_token() -> str:
    """METRICS_TOKEN: what Prometheus sends as its bearer token; "" and there is no /metrics."""
    value = os.environ.get("METRICS_TOKEN", "").strip()
    if value and (len(value) < 20 or not value.isascii() or not value.isprintable() or " " in value):
        raise Misconfigured("METRICS_TOKEN", "is too weak. Use a random text of 20 characters or more, without spaces.")
    return value


@dataclass(frozen=True)
class Keep:
    """For how long rows are kept; None: for ever. Quiet syncs are not removed but rolled up, one for each day."""

    checks: timedelta
    quiet_syncs: timedelta
    policy_versions: timedelta | None


def keep() -> Keep:
    """KEEP_CHECKS_DAYS, KEEP_QUIET_SYNCS_DAYS, KEEP_POLICY_VERSIONS_DAYS."""
    return Keep(
        checks=_days("KEEP_CHECKS_DAYS", 90),
        quiet_syncs=_days("KEEP_QUIET_SYNCS_DAYS", 30),
        policy_versions=_days("KEEP_POLICY_VERSIONS_DAYS", None, least=90),
    )


@overload
def _days(name: str, default: int, *, least: int = 7) -> timedelta: ...
@overload
def _days(name: str, default: None, *, least: int = 7) -> timedelta | None: ...
def _days(name: str, default: int | None, *, least: int = 7) -> timedelta | None:
    value = os.environ.get(name, "").strip()
    if not value:
        return None if default is None else timedelta(days=default)
    if not (value.isascii() and value.isdigit()) or not least <= int(value[:6]) <= 36_500 or len(value) > 5:
        forever = "" if default else ", or leave it out to keep them for ever"
        raise Misconfigured(name, f"is {value[:20]!r}. Use a number of days, {least} or more{forever}.")
    return timedelta(days=int(value))


def history_key_file() -> str:
    """HISTORY_KEY_FILE: the Ed25519 key, in PEM, that signs the history's seals; for workers only. "": they are not signed."""
    value = os.environ.get("HISTORY_KEY_FILE", "").strip()
    if value and not Path(value).is_absolute():
        raise Misconfigured("HISTORY_KEY_FILE", "is no absolute path. manage.py history-key --new PATH makes a key.")
    return value


def history_ship_to() -> list[str]:
    """HISTORY_SHIP_TO: where seals are sent, by commas: file:///path, syslog://host:port, syslog:///dev/log, mailto:address."""
    found = [one.strip() for one in os.environ.get("HISTORY_SHIP_TO", "").split(",") if one.strip()]
    for one in found:
        try:
            parts = urlsplit(one)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        here = not parts.netloc and len(parts.path) > 1 and parts.path.startswith("/")
        there = bool(parts.hostname) and parts.path in ("", "/") and port != 0 and "@" not in parts.netloc
        address = re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+", parts.path) is not None
        good = {"file": here, "syslog": here or there, "mailto": address}.get(parts.scheme, False)
        if not good or len(one) > 300:
            raise Misconfigured(
                "HISTORY_SHIP_TO",
                f"has {one[:60]!r}. Examples: file:///mnt/worm/seals, syslog://log:514, mailto:a@example.com",
            )
    return found


def _seconds(name: str, default: float, *, least: float, most: float = 60.0) -> float:
    value = os.environ.get(name, "").strip()
    try:
        number = float(value or default)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise Misconfigured(name, f"is {value!r}. Use a number of seconds from {least:g} to {most:g}, such as {default:g}.")
    return number


def _number(name: str, default: int, *, most: int) -> int:
    value = os.environ.get(name, "").strip() or str(default)
    if not re.fullmatch(r"[0-9]{1,6}", value) or not 1 <= int(value) <= most:
        raise Misconfigured(name, f"is {value!r}. Use a whole number from 1 to {most}, such as {default}.")
    return int(value)


def email() -> dict[str, object]:
    """EMAIL_URL as Django's mail settings; consolemail:// when unset, so that a link is printed rather than lost."""
    value = os.environ.get("EMAIL_URL", "").strip() or "consolemail://"
    try:
        config: dict[str, object] = environ.Env.email_url_config(value)
    except Exception:  # noqa: BLE001  # as in database()
        config = {}
    if str(config.get("EMAIL_BACKEND", "")).endswith(".filebased.EmailBackend"):
        # As with databases, three slashes begin an absolute path; the library would make it relative.
        config["EMAIL_FILE_PATH"] = unquote(urlsplit(value).path)
        if not config["EMAIL_FILE_PATH"]:
            raise Misconfigured("EMAIL_URL", "names no folder. Example: filemail:///srv/fnshare/mail")
    by_smtp = str(config.get("EMAIL_BACKEND", "")).endswith(".smtp.EmailBackend")
    if not config.get("EMAIL_BACKEND") or (by_smtp and not config.get("EMAIL_HOST")):
        raise Misconfigured("EMAIL_URL", "is not a mail URL. Example: smtp+tls://user:password@host:587, or consolemail://")
    return {key: value for key, value in config.items() if key.startswith("EMAIL_")}


def sender(public: str) -> str:
    """EMAIL_FROM: whom mail comes from; fnshare at the host of PUBLIC_URL when unset."""
    value = os.environ.get("EMAIL_FROM", "").strip() or f"fnshare <fnshare@{urlsplit(public).hostname}>"
    if not re.fullmatch(r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+", value):
        raise Misconfigured("EMAIL_FROM", f"is {value!r}, which is no address. Example: fnshare <fnshare@example.com>")
    return value


def demo_outbox(public: str) -> str:
    """DEMO_OUTBOX: the folder of the demo's mail, shown to everybody who reaches it; "" anywhere else. Never set it yourself.

    Whoever reads that mail opens every invitation in it, so it is refused unless only this machine is served.
    """
    value = os.environ.get("DEMO_OUTBOX", "").strip()
    if value and not is_loopback(urlsplit(public).hostname or ""):
        raise Misconfigured("DEMO_OUTBOX", "shows all mail to everybody. It is the demo's: take it out.")
    if value and not Path(value).is_absolute():
        raise Misconfigured("DEMO_OUTBOX", "is no absolute path. It is the demo's: take it out.")
    return value


def demo_deliveries(public: str) -> str:
    """DEMO_DELIVERIES: the page on which the demo's sandbox AWS shows what sources delivered; "" anywhere else. Never set it
    yourself.

    Pages link to it, so that it is refused unless only this machine is served and it is on this machine too.
    """
    value = os.environ.get("DEMO_DELIVERIES", "").strip()
    if not value:
        return ""
    if not is_loopback(urlsplit(public).hostname or ""):
        raise Misconfigured("DEMO_DELIVERIES", "is the demo's sandbox, and others are served here: take it out.")
    address = urlsplit(value)
    if address.scheme != "http" or not is_loopback(address.hostname or ""):
        raise Misconfigured("DEMO_DELIVERIES", "is no address of this machine. It is the demo's: take it out.")
    return value


def aws_pair() -> None:
    """A start with half of a key pair would fail at the first call to AWS: it stops here instead.

    No keys at all is fine: the standard chain (profile, web identity, instance role) finds others.
    """
    halves = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    present = [name for name in halves if os.environ.get(name, "").strip()]
    if len(present) == 1:
        missing = halves[1] if present[0] == halves[0] else halves[0]
        raise Misconfigured(missing, f"is not set, but {present[0]} is. Set both, or neither to use a role or a profile.")


#: Where an AWS SDK looks for credentials when no variable names them; here: nowhere.
_NO_CREDENTIALS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "BOTO_CONFIG": os.devnull,
}


#: What only workers get: credentials of AWS, and the key that signs the history.
_FOR_WORKERS = ("AWS_", "HISTORY_KEY", "WORKER_LIMITS")
#: Called like AWS's, but ours: pages say how fast workers ask.
_FOR_ALL = ("AWS_PACE_SHARE", "AWS_PACE_PROCESSES")


def without_aws(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that must not reach AWS: nothing that an AWS SDK reads, nowhere else to find credentials.

    Nor does it get the key that signs the history, nor learn where the workers' limits are.
    """
    kept = (name for name in variables if name in _FOR_ALL or not name.startswith(_FOR_WORKERS))
    return {name: variables[name] for name in kept} | _NO_CREDENTIALS


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
