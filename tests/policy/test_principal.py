"""Stored principals in one canonical form (IAM User Guide, Principal element)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.policy import Principal, PrincipalKind

ACCOUNT = "111122223333"


@pytest.mark.parametrize(
    ("key", "value", "kind", "canonical", "account"),
    [
        ("AWS", ACCOUNT, "account", ACCOUNT, ACCOUNT),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:root", "account", ACCOUNT, ACCOUNT),
        ("AWS", f"arn:aws-cn:iam::{ACCOUNT}:root", "account", ACCOUNT, ACCOUNT),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:role/a/b", "role", f"arn:aws:iam::{ACCOUNT}:role/a/b", ACCOUNT),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:user/bob", "user", f"arn:aws:iam::{ACCOUNT}:user/bob", ACCOUNT),
        ("AWS", f"arn:aws:sts::{ACCOUNT}:assumed-role/R/S", "session", f"arn:aws:sts::{ACCOUNT}:assumed-role/R/S", ACCOUNT),
        ("AWS", f"arn:aws:sts::{ACCOUNT}:federated-user/b", "session", f"arn:aws:sts::{ACCOUNT}:federated-user/b", ACCOUNT),
        ("AWS", "*", "everyone", "*", None),
        ("", "*", "everyone", "*", None),
        ("", ACCOUNT, "account", ACCOUNT, ACCOUNT),
        ("", "s3.amazonaws.com", "service", "s3.amazonaws.com", None),
        ("Service", "s3.amazonaws.com", "service", "s3.amazonaws.com", None),
        (
            "Federated",
            f"arn:aws:iam::{ACCOUNT}:saml-provider/x",
            "federated",
            f"arn:aws:iam::{ACCOUNT}:saml-provider/x",
            ACCOUNT,
        ),
        ("Federated", "cognito-identity.amazonaws.com", "federated", "cognito-identity.amazonaws.com", None),
        ("AWS", "AROAEXAMPLEEXAMPLE12", "ghost", "AROAEXAMPLEEXAMPLE12", None),
        ("AWS", "AIDAEXAMPLEEXAMPLE12", "ghost", "AIDAEXAMPLEEXAMPLE12", None),
        ("CanonicalUser", "79a59d", "unknown", "79a59d", None),
        ("AWS", "arn:aws:iam::*:root", "unknown", "arn:aws:iam::*:root", None),
        ("AWS", "arn:aws:iam::11112222333:root", "unknown", "arn:aws:iam::11112222333:root", None),
        ("AWS", f"arn:aws:iam::{ACCOUNT}:group/g", "unknown", f"arn:aws:iam::{ACCOUNT}:group/g", None),
        ("AWS", "", "unknown", "", None),
    ],
)
def test_stored_forms_are_read(key: str, value: str, kind: str, canonical: str, account: str | None) -> None:
    found = Principal.from_stored(value, key=key)
    assert (found.kind, found.value, found.account) == (kind, canonical, account)


def test_bare_id_and_root_arn_are_one_principal() -> None:
    assert Principal.from_stored(ACCOUNT) == Principal.from_stored(f"arn:aws:iam::{ACCOUNT}:root")


def test_names_are_shown_with_paths_and_people_read_names() -> None:
    role = Principal.from_stored(f"arn:aws:iam::{ACCOUNT}:role/team/deploy")
    assert (role.name, role.role_name, role.has_path) == ("team/deploy", "deploy", True)
    assert role.label({ACCOUNT: "Globex"}) == "role team/deploy of Globex"
    assert role.label() == f"role team/deploy of {ACCOUNT}"
    assert Principal.from_stored(ACCOUNT).label({ACCOUNT: "Globex"}) == "Globex"
    assert Principal.from_stored(ACCOUNT).label() == f"account {ACCOUNT}"
    assert Principal.from_stored("s3.amazonaws.com", key="Service").label() == "Amazon S3"
    assert Principal.from_stored("AROAEXAMPLEEXAMPLE12").label() == "deleted role AROAEXAMPLEEXAMPLE12"
    assert Principal.from_stored("AIDAEXAMPLEEXAMPLE12").label() == "deleted user AIDAEXAMPLEEXAMPLE12"
    session = Principal.from_stored(f"arn:aws:sts::{ACCOUNT}:assumed-role/R/S")
    assert (session.role_name, session.label()) == ("R", f"session R/S of {ACCOUNT}")
    for kind in PrincipalKind:
        assert Principal(kind, "x/y", ACCOUNT).label()


@given(st.text(max_size=80), st.sampled_from(["", "AWS", "Service", "Federated", "CanonicalUser", "Other"]))
def test_nothing_stored_ever_raises(value: str, key: str) -> None:
    found = Principal.from_stored(value, key=key)
    assert found.label()
    assert found.stored
