"""What the environment may say, and what is said back when it is missing or malformed.

Every reader returns a usable value or ends the process with one line that names the variable and what to do.
Ending is by SystemExit: a start that cannot succeed prints no stack trace, under manage.py, Celery and gunicorn alike.
"""

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

import environ


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
        if not name or "/" in name or " " in name:
            raise Misconfigured("ALLOWED_HOSTS", f"has {name!r}, which is no host name. Example: fnshare.example.com")
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
    """DATABASE_URL as Django's dict: PostgreSQL, or a SQLite file."""
    schemes = ("postgres", "postgresql", "sqlite")
    value = url("DATABASE_URL", "postgres://user:password@host/name or sqlite:///path", schemes)
    try:
        config: dict[str, object] = environ.Env.db_url_config(value)
    except Exception:  # noqa: BLE001  # django-environ raises many kinds; a URL it cannot read is one line, never a trace
        raise Misconfigured("DATABASE_URL", "is not a database URL. Example: postgres://user:password@host/name") from None
    if not config.get("NAME"):
        raise Misconfigured("DATABASE_URL", "names no database. Example: postgres://user:password@host/name")
    if value.startswith("sqlite"):
        # WAL, a busy timeout and IMMEDIATE transactions: several processes write at once without "database is locked".
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
    return config


def broker() -> str:
    """REDIS_URL: redis://, rediss:// or redis+socket:// (what Celery and redis-py both can be given)."""
    return url("REDIS_URL", "redis://host:6379/0", ("redis", "rediss", "redis+socket", "unix"))


def public_url() -> str:
    """PUBLIC_URL: where people reach the dashboard; https, or http on this machine only. No trailing slash."""
    value = url("PUBLIC_URL", "the address people open, such as https://fnshare.example.com", ("https", "http"))
    parts = urlsplit(value)
    if not parts.hostname:
        raise Misconfigured("PUBLIC_URL", "names no host. Example: https://fnshare.example.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Misconfigured("PUBLIC_URL", "must be https, unless it is on this machine (localhost).")
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


def email() -> dict[str, object]:
    """EMAIL_URL as Django's mail settings; consolemail:// when unset, so that a link is printed rather than lost."""
    value = os.environ.get("EMAIL_URL", "").strip() or "consolemail://"
    try:
        config: dict[str, object] = environ.Env.email_url_config(value)
    except Exception:  # noqa: BLE001  # as in database()
        config = {}
    if not config.get("EMAIL_BACKEND"):
        raise Misconfigured("EMAIL_URL", "is not a mail URL. Example: smtp+tls://user:password@host:587")
    return {key: value for key, value in config.items() if key.startswith("EMAIL_")}


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
