"""What is said when the environment is missing something or holds nonsense, by each way to start."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sharing import environment, provider
from sharing.running import ports, run
from sharing.running.install import CHECKOUT

GOOD = {
    "SECRET_KEY": "q7Rk2vXw9LmZ4tBn8PcJ6hYd3FsGa5Ue1Ko0TiVbNxMzQyHrWpDl",
    "ALLOWED_HOSTS": "fnshare.example.com",
    "PUBLIC_URL": "https://fnshare.example.com",
    "DATABASE_URL": "sqlite:///var/never-made.sqlite3",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}

#: variable, value (None: unset), words that the line must have besides the variable's name
WRONG = [
    ("SECRET_KEY", None, "not set"),
    ("SECRET_KEY", "short", "too weak"),
    ("SECRET_KEY", "a" * 60, "too weak"),
    ("ALLOWED_HOSTS", None, "not set"),
    ("ALLOWED_HOSTS", "https://fnshare.example.com", "no host name"),
    ("ALLOWED_HOSTS", "fnshare.example.com:443", "no host name"),
    ("ALLOWED_HOSTS", "a.example.com,,b.example.com", "no host name"),
    ("PUBLIC_URL", None, "not set"),
    ("PUBLIC_URL", "fnshare.example.com", "must start with"),
    ("PUBLIC_URL", "http://fnshare.example.com", "https"),
    ("PUBLIC_URL", "https://", "no host"),
    ("PUBLIC_URL", "https://fnshare.example.com:port", "not a URL"),
    ("PUBLIC_URL", "https://[::1", "not a URL"),
    ("PUBLIC_URL", "https://fnshare.example.com/tools", "more than a host"),
    ("PUBLIC_URL", "https://ann:word@fnshare.example.com", "more than a host"),
    ("PUBLIC_URL", "https://fnshare.example.com?a=b", "more than a host"),
    ("DATABASE_URL", None, "not set"),
    ("DATABASE_URL", "mysql://user@host/name", "must start with"),
    ("DATABASE_URL", "postgres://user:password@host", "no database"),
    ("DATABASE_URL", "postgres://user:password@host:many/name", "not a URL"),
    ("DATABASE_URL", "postgres://user:password@host/name?sslmod=require", 'invalid connection option "sslmod"'),
    ("DATABASE_URL", "sqlite://", "no SQLite file"),
    ("DATABASE_URL", "sqlite:///:memory:", "no SQLite file"),
    ("DATABASE_URL", "sqlite://var/fnshare.sqlite3", "no SQLite file"),
    ("DATABASE_URL", "sqlite:///sharing", "folder"),
    ("REDIS_URL", None, "not set"),
    ("REDIS_URL", "valkey.example.com:6379", "must start with"),
    ("REDIS_URL", "redis://", "no host"),
    ("REDIS_URL", "redis://host:6379/first", "database number"),
    ("REDIS_URL", "redis://host:port/0", "not a URL"),
    ("REDIS_URL", "redis+socket://", "no socket"),
    ("AWS_ENDPOINT_URL", "lambda.example.com", "must start with"),
    ("AWS_ENDPOINT_URL", "http://lambda.example.com", "https"),
    ("AWS_ENDPOINT_URL", "https://", "no host"),
    ("AWS_PACE_SHARE", "half", "number"),
    ("AWS_PACE_PROCESSES", "0", "whole number"),
    ("AWS_PACE_PROCESSES", "two", "whole number"),
    ("SYNCS_AT_ONCE", "2001", "whole number"),
    ("SYNCS_AT_ONCE", "1.5", "whole number"),
    ("QUIET_HOURS", "night", "no span of hours"),
    ("QUIET_HOURS", "08:00-18:00", "names no time zone"),
    ("QUIET_HOURS", "08:00-25:00 UTC", "no clock shows"),
    ("QUIET_HOURS", "08:00-08:00 UTC", "at the same time"),
    ("QUIET_HOURS", "08:00-18:00 Europe/Atlantis", "not known"),
    ("QUIET_HOURS", "08:00-18:00 ../UTC", "not known"),
    ("AWS_PACE_SHARE", "0", "number"),
    ("AWS_PACE_SHARE", "1.5", "number"),
    ("AWS_PACE_SHARE", "nan", "number"),
    ("SWEEP_SECONDS", "soon", "number of seconds"),
    ("SWEEP_SECONDS", "0", "number of seconds"),
    ("LEASE_SECONDS", "nan", "number of seconds"),
    ("LEASE_SECONDS", "61", "number of seconds"),
    ("OWNER_TAG", "o" * 129, "longer than any tag's key"),
    ("EMAIL_URL", "mail.example.com", "not a mail URL"),
    ("EMAIL_URL", "smtp+tls://user:password@host:port", "not a mail URL"),
    ("EMAIL_URL", "smtp://", "not a mail URL"),
    ("EMAIL_URL", "filemail://", "names no folder"),
    ("EMAIL_FROM", "fnshare", "no address"),
    ("WEB_CONCURRENCY", "many", "whole number"),
    ("WEB_CONCURRENCY", "0", "whole number"),
    ("METRICS_TOKEN", "short", "too weak"),
    ("KEEP_CHECKS_DAYS", "6", "number of days"),
    ("KEEP_QUIET_SYNCS_DAYS", "a month", "number of days"),
    ("KEEP_POLICY_VERSIONS_DAYS", "89", "for ever"),
    ("HISTORY_KEY_FILE", "history.pem", "no absolute path"),
    ("HISTORY_SHIP_TO", "log.example.com", "Examples"),
    ("REQUIRE_SECOND_FACTOR", "owners", "off, admins or everyone"),
    ("TRUSTED_PROXIES", "some", "number of your proxies"),
    ("TRUSTED_PROXIES", "-1", "number of your proxies"),
    ("OIDC_ISSUER", "login.example.com", "no issuer's address"),
    ("OIDC_ISSUER", "http://login.example.com", "https"),
    ("OIDC_ISSUER", "https://[::1", "not a URL"),
    ("OIDC_ISSUER", "https://login.example.com/.well-known/openid-configuration", "Leave"),
    ("OIDC_CLIENT_ID", None, "not set, but OIDC_ISSUER is"),
    ("OIDC_CLIENT_SECRET", None, "not set, but OIDC_ISSUER is"),
    ("OIDC_NAME", "n" * 41, "too long"),
    ("OIDC_ROLES", None, "not set, but OIDC_ISSUER is"),
    ("OIDC_ROLES", "admins", "no GROUP=ROLE"),
    ("OIDC_ROLES", "admins=admin,", "no GROUP=ROLE"),
    ("OIDC_ROLES", "=admin", "no GROUP=ROLE"),
    ("OIDC_ROLES", "admins=king", "the role 'king'"),
    ("OIDC_ROLES", "outside=consumer", "the role 'consumer'"),
    ("OIDC_ROLES", "a=admin,a=owner", "twice"),
    ("OIDC_ROLES", "platform=owner:4444", "12 digits"),
    ("OIDC_ROLES", "platform=owner:", "12 digits"),
    ("OIDC_ROLES", "admins=admin:444455556666", "an admin sees every account"),
    ("SSO_ONLY", "maybe", "Use 1 or 0"),
    ("SSO_SESSION_HOURS", "a day", "number of hours"),
    ("SSO_SESSION_HOURS", "0", "number of hours"),
    ("BREAK_GLASS", "ada", "no e-mail address"),
]
#: What a good single sign-on has besides.
SSO = {
    "OIDC_ISSUER": "https://login.example.com",
    "OIDC_CLIENT_ID": "fnshare",
    "OIDC_CLIENT_SECRET": "the-secret-of-the-client",
    "OIDC_ROLES": "fnshare-admins=admin,platform=owner:444455556666+555566667777,cn%3Daudit%2Cou%3Dit=auditor",
}


def _start(module_arguments: list[str], changed: dict[str, str | None]) -> "subprocess.CompletedProcess[str]":
    variables = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    for name, value in {**GOOD, **changed}.items():
        if value is not None:
            variables[name] = value
    return subprocess.run(
        [sys.executable, *module_arguments],
        cwd=CHECKOUT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _says_one_line(done: "subprocess.CompletedProcess[str]", name: str) -> str:
    """The single line that names the variable; everything else about the start must be silent about causes."""
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in (done.stdout + done.stderr).splitlines() if name in line]
    assert len(lines) == 1, done.stdout + done.stderr
    return lines[0]


@pytest.mark.parametrize(("name", "value", "words"), WRONG, ids=[f"{name}={value}" for name, value, _ in WRONG])
def test_a_wrong_variable_is_named_with_what_to_do(
    name: str, value: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each, good in {**GOOD, **SSO}.items():
        monkeypatch.setenv(each, good)
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(environment.Misconfigured) as raised:
        _read_everything()
    line = str(raised.value)
    assert line.startswith(f"fnshare cannot start: {name} ")
    assert words in line
    assert "\n" not in line
    # What is set wrong may be a secret: only its name is told.
    assert value is None or name != "SECRET_KEY" or value not in line


def _read_everything() -> None:
    provider.read()
    provider.second_factor()
    provider.trusted_proxies()
    environment.secret_key()
    environment.hosts()
    public = environment.public_url()
    environment.database()
    environment.broker()
    environment.endpoint()
    environment.pace_share()
    environment.pace_processes()
    environment.syncs_at_once()
    environment.quiet_hours()
    environment.sweep_seconds()
    environment.owner_tag()
    environment.lease_seconds()
    environment.aws_pair()
    environment.email()
    environment.sender(public)
    environment.web_processes()
    environment.metrics_token()
    environment.keep()
    environment.history_key_file()
    environment.history_ship_to()


def test_a_complete_environment_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    _read_everything()  # raises for what it does not accept
    assert environment.secret_key() == GOOD["SECRET_KEY"]
    assert environment.hosts() == [GOOD["ALLOWED_HOSTS"]]
    assert environment.public_url() == GOOD["PUBLIC_URL"]


@pytest.mark.parametrize(
    ("present", "missing"), [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")]
)
def test_half_a_key_pair_is_refused(present: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(present, "half")
    monkeypatch.delenv(missing, raising=False)
    with pytest.raises(environment.Misconfigured, match=f"{missing} is not set"):
        environment.aws_pair()


WAYS = {
    "manage.py": ["manage.py", "migrate"],
    "worker": ["-m", "celery", "-A", "sharing", "worker"],
    "beat": ["-m", "celery", "-A", "sharing", "beat"],
    "web": ["-m", "sharing.running.web", "--bind", "127.0.0.1:0"],
    "gunicorn": ["-m", "gunicorn", "sharing.wsgi", "--bind", "127.0.0.1:0", "--no-control-socket"],
    "make run": ["-m", "sharing.running.run"],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "value"), [("SECRET_KEY", None), ("DATABASE_URL", "nonsense"), ("REDIS_URL", "redis://")])
def test_every_way_to_start_stops_with_one_line(way: str, name: str, value: str | None) -> None:
    line = _says_one_line(_start(WAYS[way], {name: value}), name)
    assert line.startswith("fnshare cannot start: ")


@pytest.mark.parametrize("way", ["manage.py", "make run"])
def test_a_database_that_does_not_answer_is_one_line(way: str) -> None:
    line = _says_one_line(_start(WAYS[way], {"DATABASE_URL": "postgres://user:word@127.0.0.1:1/fnshare"}), "DATABASE_URL")
    assert "word@" not in line


@pytest.mark.parametrize(
    ("port", "words"), [("eighty", "no port number"), ("0", "no port number"), ("65536", "no port number")]
)
@pytest.mark.parametrize("way", ["sharing.running.run", "sharing.running.demo"])
def test_a_port_that_is_none_is_refused(way: str, port: str, words: str) -> None:
    line = _says_one_line(_start(["-m", way], {"PORT": port}), "PORT")
    assert words in line


def test_a_relative_sqlite_path_starts_at_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///var/some.sqlite3")
    monkeypatch.chdir(tmp_path)
    assert environment.database()["NAME"] == str(CHECKOUT / "var" / "some.sqlite3")


def test_mail_into_files_goes_to_the_absolute_path_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", "filemail:///srv/fnshare%20mail")
    assert environment.email()["EMAIL_FILE_PATH"] == "/srv/fnshare mail"


def test_an_absolute_sqlite_path_is_kept_and_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////srv/my%20data/some.sqlite3")
    assert environment.database()["NAME"] == "/srv/my data/some.sqlite3"


def test_a_postgresql_that_is_gone_without_a_word_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are threads, which nobody can end."""
    monkeypatch.setenv("DATABASE_URL", "postgres://user:password@host/name")
    options = environment.database()["OPTIONS"]
    assert isinstance(options, dict)
    silence = options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"]
    assert 0 < options["connect_timeout"] <= 10
    assert silence <= 30
    assert options["tcp_user_timeout"] <= 30_000
    monkeypatch.setenv("DATABASE_URL", "postgres://user:password@host/name?sslmode=require&connect_timeout=3")
    assert environment.database()["OPTIONS"] == {**options, "sslmode": "require", "connect_timeout": 3}


def test_the_web_process_learns_how_fast_workers_ask_and_nothing_that_opens_aws() -> None:
    pace = {"AWS_PACE_SHARE": "0.1", "AWS_PACE_PROCESSES": "4"}
    secret = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_PROFILE": "prod", "AWS_ROLE_ARN": "arn", "HISTORY_KEY_FILE": "/key"}
    left = environment.without_aws({**pace, **secret, "HOME": "/"})
    assert {name: left.get(name) for name in (*pace, "HOME")} == {**pace, "HOME": "/"}
    assert not secret.keys() & left.keys()


@pytest.mark.parametrize(
    ("given", "for_redis", "for_celery"),
    [
        ("redis://host:6379/3", "redis://host:6379/3", "redis://host:6379/3"),
        ("rediss://:secret@host/0", "rediss://:secret@host/0", "rediss://:secret@host/0"),
        ("redis+socket:///run/valkey.sock", "unix:///run/valkey.sock", "redis+socket:///run/valkey.sock"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock", "redis+socket:///run/valkey.sock"),
    ],
)
def test_redis_and_celery_are_each_told_the_address_as_they_read_it(
    given: str, for_redis: str, for_celery: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", given)
    assert environment.broker() == for_redis
    assert environment.as_celery_reads(environment.broker()) == for_celery


#: Read, and for nobody to set.
NOT_FOR_PEOPLE = {"DEMO_OUTBOX", "DEMO_DELIVERIES"}
#: For the AWS SDK.
OF_AWS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
READERS = r'(?:environ\.get|required|url|_number|_seconds|_days)\("([A-Z][A-Z_]+)"'


def documented() -> set[str]:
    return set(re.findall(r"^#?([A-Z][A-Z_]+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))


def test_the_example_file_names_every_variable_that_is_read_and_no_other() -> None:
    read = set(provider.VARIABLES)
    for module in (environment, ports, run):
        read.update(re.findall(READERS, inspect.getsource(module)))
    assert documented() == (read - NOT_FOR_PEOPLE) | OF_AWS


def test_the_table_of_readme_has_every_variable_of_the_example_file() -> None:
    table = (CHECKOUT / "README.md").read_text().partition("### Configuration")[2].partition("\n### ")[0]
    assert documented() - set(re.findall(r"`([A-Z][A-Z_]+)`", table)) == set()


def test_single_sign_on_is_read_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for each, good in {**SSO, "SSO_ONLY": "1", "BREAK_GLASS": "Ada@Example.com"}.items():
        monkeypatch.setenv(each, good)
    found = provider.read()
    assert found is not None
    assert "the-secret-of-the-client" not in repr(found)
    assert (found.only, found.break_glass, found.session_hours, found.groups_claim) == (True, "ada@example.com", 8, "groups")
    assert found.roles["cn=audit,ou=it"] == provider.Given("auditor")
    assert found.given(["platform", "unknown"]) == provider.Given("owner", ("444455556666", "555566667777"))
    assert found.given(["platform", "fnshare-admins"]) == provider.Given("admin")
    assert found.given(["unknown"]) is None


@pytest.mark.parametrize(
    ("name", "value"), [("OIDC_CLIENT_ID", "x"), ("OIDC_ROLES", "a=admin"), ("SSO_ONLY", "1"), ("BREAK_GLASS", "a@b.c")]
)
def test_half_a_single_sign_on_stops_the_start(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(environment.Misconfigured, match=f"OIDC_ISSUER is not set, but {name} is"):
        provider.read()
