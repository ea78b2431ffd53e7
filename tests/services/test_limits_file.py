"""The workers' limits: what the file may say, and what is within them. No rows, no AWS."""

import os
from pathlib import Path
from typing import Any

import pytest

from sharing.environment import without_aws
from sharing.policy import FunctionArn, Permission, Principal, PrincipalKind
from sharing.policy.layers import LayerArn, LayerShare
from sharing.services import limits
from sharing.services.limits import LetsIn, Unreadable, why_not

OWN, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"
WHOLE = """
writable_accounts = ["444455556666"]
everyone = false
manage = false
grants_per_hour = 50

[principals]
accounts = ["111122223333"]
organisations = ["o-k3s8w1q9zt"]
services = ["s3.amazonaws.com", "alexa-appkit.amazon.com"]
"""
OPEN = """
writable_accounts = "any"
everyone = true
manage = true
grants_per_hour = "any"

[principals]
accounts = "any"
organisations = "any"
services = "any"
"""


def permission(kind: PrincipalKind, value: str, account: str | None = None, **fields: Any) -> Permission:
    function = FunctionArn.parse(f"arn:aws:lambda:us-east-1:{OWN}:function:hello")
    action = fields.pop("action", "lambda:InvokeFunction")
    return Permission(function, "sid", action, Principal(kind, value, account), **fields)


def service(value: str = "s3.amazonaws.com", **fields: Any) -> Permission:
    return permission(PrincipalKind.SERVICE, value, **fields)


def account(number: str, **fields: Any) -> Permission:
    return permission(PrincipalKind.ACCOUNT, number, number, **fields)


def test_a_whole_file_is_understood() -> None:
    found = limits.parse(WHOLE.encode())
    assert found.writable_accounts == frozenset({OWN})
    assert (found.everyone, found.manage, found.grants_per_hour) == (False, False, 50)
    assert len(found.digest) == 64
    assert found.summary() == [
        "Writes in 1 account.",
        "Shares with 1 account, 1 organisation and 2 services.",
        "Nothing is shared with everyone.",
        "No rights to change a function are shared.",
        "Grants an hour: at most 50.",
    ]
    assert ACME not in "".join(found.summary()), "numbers of accounts stay with the worker"


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("manage = false\n", "", "lacks manage"),
        ("manage = false", "manage = false\nmanaged = true", "nobody knows: managed"),
        ("services = [", "roles = []\nservices = [", "nobody knows: principals.roles"),
        ("[principals]", "[principal]", "nobody knows: principal"),
        ("manage = false", 'manage = "no"', "manage is neither true nor false"),
        ("everyone = false", "everyone = 0", "everyone is neither true nor false"),
        ("grants_per_hour = 50", "grants_per_hour = true", "grants_per_hour"),
        ("grants_per_hour = 50", "grants_per_hour = -1", "grants_per_hour"),
        ("grants_per_hour = 50", "grants_per_hour = 1.5", "grants_per_hour"),
        ("grants_per_hour = 50", 'grants_per_hour = "many"', "grants_per_hour"),
        ('["444455556666"]', '"444455556666"', "writable_accounts is neither a list"),
        ('["444455556666"]', "[444455556666]", "Entry 1 of writable_accounts"),
        ('["444455556666"]', '["4444-5555-6666"]', "Entry 1 of writable_accounts"),
        ('["444455556666"]', '["*"]', "Entry 1 of writable_accounts"),
        ('["o-k3s8w1q9zt"]', '["k3s8w1q9zt"]', "Entry 1 of principals.organisations"),
        ('["s3.amazonaws.com", ', '["s3.amazonaws.com", "s3", ', "Entry 2 of principals.services"),
        ("everyone", "everyone =", "no TOML"),
        (WHOLE, "", "lacks everyone"),
        ("[principals]", "principals = 1\n[other]", "nobody knows"),
    ],
)
def test_whatever_is_not_understood_is_said_and_lets_nothing_through(was: str, now: str, said: str) -> None:
    assert was in WHOLE
    with pytest.raises(Unreadable, match=said):
        limits.parse(WHOLE.replace(was, now, 1).encode())


def test_bytes_that_are_no_text_are_unreadable() -> None:
    with pytest.raises(Unreadable, match="no TOML"):
        limits.parse(b"\xff\x00")


def test_a_file_is_read_anew_each_time_and_no_variable_means_no_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKER_LIMITS", raising=False)
    assert limits.read() is None
    path = tmp_path / "limits.toml"
    path.write_text(WHOLE)
    monkeypatch.setenv("WORKER_LIMITS", str(path))
    first = limits.read()
    assert first is not None
    assert first.grants_per_hour == 50
    path.write_text(OPEN)
    second = limits.read()
    assert second is not None
    assert second.grants_per_hour is None


@pytest.mark.parametrize("what", ["missing", "folder", "relative", "writable", "large"])
def test_a_file_that_cannot_be_trusted_is_unreadable(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "limits.toml"
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        path.write_text(WHOLE + "#" * (300_000 if what == "large" else 0))
        os.chmod(path, 0o646 if what == "writable" else 0o600)
    monkeypatch.setenv("WORKER_LIMITS", "limits.toml" if what == "relative" else str(path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unreadable):
        limits.read()


def test_the_web_process_does_not_learn_where_the_file_is() -> None:
    from django.conf import settings

    assert "WORKER_LIMITS" not in without_aws({"WORKER_LIMITS": "/etc/fnshare/limits.toml", "HOME": "/"})
    assert not [name for name in dir(settings) if "LIMITS" in name]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (account(ACME), ""),
        (account(GLOBEX), f"account {GLOBEX}"),
        (account(OWN), ""),
        (permission(PrincipalKind.ROLE, f"arn:aws:iam::{ACME}:role/a", ACME), ""),
        (permission(PrincipalKind.ROLE, f"arn:aws:iam::{GLOBEX}:role/a", GLOBEX), f"account {GLOBEX}"),
        (account(GLOBEX, organization="o-k3s8w1q9zt"), f"account {GLOBEX}"),
        (permission(PrincipalKind.ORGANIZATION, "o-k3s8w1q9zt"), ""),
        (permission(PrincipalKind.ORGANIZATION, "o-aaaaaaaaaa"), "organisation o-aaaaaaaaaa"),
        (permission(PrincipalKind.EVERYONE, "*"), "everyone"),
        (account(ACME, action="lambda:UpdateFunctionCode"), "rights to change"),
        (service(source_account=ACME), ""),
        (service(source_account=OWN), ""),
        (service(source_account=GLOBEX), f"on behalf of account {GLOBEX}"),
        (service(source_arn="arn:aws:s3:::bucket"), "does not name"),
        (service(), "does not name"),
        (service("sns.amazonaws.com", source_account=ACME), "sns.amazonaws.com"),
        (service("alexa-appkit.amazon.com", event_source_token="amzn1.ask.skill.1"), ""),
        (permission(PrincipalKind.GHOST, "AROA4KQ7PXEXAMPLE2Z9V"), "kind ghost"),
    ],
)
def test_what_is_beyond_the_limits_is_said_in_a_sentence(wanted: Permission, said: str) -> None:
    found = why_not(limits.parse(WHOLE.encode()), OWN, LetsIn.by(wanted))
    assert said in found
    assert bool(found) == bool(said)
    assert why_not(limits.parse(OPEN.encode()), OWN, LetsIn.by(wanted)) == ""


def test_a_source_arn_tells_the_account_too() -> None:
    found = limits.parse(WHOLE.replace("s3.", "sns.").encode())
    ours = service("sns.amazonaws.com", source_arn=f"arn:aws:sns:us-east-1:{ACME}:topic")
    theirs = service("sns.amazonaws.com", source_arn=f"arn:aws:sns:us-east-1:{GLOBEX}:topic")
    assert why_not(found, OWN, LetsIn.by(ours)) == ""
    assert GLOBEX in why_not(found, OWN, LetsIn.by(theirs))


def test_an_account_that_is_not_writable_gets_no_write_at_all() -> None:
    found = limits.parse(WHOLE.encode())
    assert why_not(found, ACME, None) == f"Workers may not write in account {ACME}."
    assert why_not(found, OWN, None) == ""


def test_a_layer_is_shared_within_the_same_limits() -> None:
    found = limits.parse(WHOLE.encode())
    layer = LayerArn("aws", "us-east-1", OWN, "tools", 1)
    assert why_not(found, OWN, LetsIn.by_layer(LayerShare(layer, "sid", Principal(PrincipalKind.ACCOUNT, ACME, ACME)))) == ""
    assert "everyone" in why_not(found, OWN, LetsIn.by_layer(LayerShare(layer, "sid", Principal(PrincipalKind.EVERYONE, "*"))))
