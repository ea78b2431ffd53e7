"""Rules about what was not looked at, and about shares that are not as they were decided."""

from dataclasses import replace
from typing import Any

import pytest

from sharing.policy.findings import RULES, watched
from sharing.policy.findings.watched import Read, Share

SHARE = Share("Acme may invoke f", "active", "present", sid="fnshare-1")
SHARED = (
    watched.statement_changed,
    watched.share_vanished,
    watched.share_stuck,
    watched.revoke_failed,
    watched.check_denied,
)


def found(share: Share) -> list[tuple[str, str]]:
    return [(one.rule, one.severity.word) for rule in SHARED if (one := rule(share)) is not None]


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (SHARE, []),
        (replace(SHARE, verdict="allowed"), []),
        (replace(SHARE, verdict="denied"), [("check-denied", "medium")]),
        (replace(SHARE, state="revoking", verdict="denied"), []),
        (replace(SHARE, failure="Changed.", failure_code="statement-changed"), [("statement-changed", "high")]),
        (replace(SHARE, failure="AWS refused.", failure_code="AccessDenied"), [("revoke-failed", "high")]),
        (replace(SHARE, state="vanished", failure="Gone."), [("share-vanished", "medium")]),
        (replace(SHARE, state="stuck"), [("share-stuck", "high")]),
        (replace(SHARE, state="revoked"), []),
        (replace(SHARE, state="failed", failure="Refused."), []),
    ],
)
def test_a_share_has_these_findings(share: Share, expected: list[tuple[str, str]]) -> None:
    assert found(share) == expected


def test_a_policy_that_was_readable_once_keeps_what_it_let_in() -> None:
    one = watched.unread(Read("f", ever=True, since="2026-11-25 10:00 UTC", reason="Denied.", lets_in=3))
    assert one is not None
    assert (one.severity.word, one.certain) == ("high", False)
    assert "cannot be read since 2026-11-25 10:00 UTC" in one.text
    assert "3 ways in that were seen last stay counted" in one.text


def test_never_read_is_not_unread_and_untried_is_neither() -> None:
    never = Read("f", ever=False, since="2026-11-25 10:00 UTC", reason="Denied.")
    assert watched.unread(never) is None
    assert watched.never_read(never) is not None
    assert watched.never_read(Read("f", ever=False)) is None
    assert watched.never_read(Read("f", ever=True, reason="Denied.")) is None


@pytest.mark.parametrize(
    ("covered", "severity"), [("failed", "high"), ("never", "medium"), ("not-read", "low"), ("read", ""), ("paused", "")]
)
def test_a_region_is_a_gap_by_how_it_is_covered(covered: str, severity: str) -> None:
    one = watched.region_gap("Platform, us-east-1", covered, "a reason")
    assert (one.severity.word if one else "") == severity


@pytest.mark.parametrize(
    ("state", "reads", "severity"),
    [
        ("refused", True, "high"),
        ("refused", False, "low"),
        ("paused", True, "medium"),
        ("disconnected", True, "high"),
        ("connected", True, ""),
        ("awaited", True, ""),
    ],
)
def test_a_connection_is_broken_by_its_state(state: str, reads: bool, severity: str) -> None:
    one = watched.connection_broken("The manager role of Platform", state, "", reads=reads)
    assert (one.severity.word if one else "") == severity


def test_nothing_left_unread_is_nothing_found() -> None:
    assert watched.aliases_unlisted("f", "") is None
    assert watched.aliases_unlisted("f", "denied") is not None
    assert watched.versions_unread("Platform", 0) is None
    assert watched.versions_unread("Platform", 2) is not None


def test_every_watched_rule_is_explained() -> None:
    codes = {"unread", "never-read", "aliases-unlisted", "versions-unread", "region-gap", "connection"}
    assert codes | {rule.__name__.replace("_", "-") for rule in SHARED} <= set(RULES)


@pytest.mark.parametrize(("others", "severity"), [(False, "medium"), (True, "high")])
def test_a_consumer_that_is_not_proved_any_more_keeps_what_it_has(others: bool, severity: str) -> None:
    one = watched.proof_failed("Acme (111122223333)", "2026-11-25 10:00 UTC", "denied", others=others)
    assert (one.rule, one.severity.word) == ("proof-failed", severity)
    assert "not proved any more since 2026-11-25 10:00 UTC: Denied. What is shared with it stays shared" in one.text
    assert one.rule in RULES


@pytest.mark.parametrize(
    ("counts", "severity", "words"),
    [
        ({"shares": 2, "ways": 3}, "high", "It is let in by 3 policies, as last read, and 2 shares made here."),
        ({"given": 1, "open": 1}, "medium", "Others are let in by 1 policy of its own, as last read, and 1 share made here."),
        ({"roles": ("manager role",)}, "low", "Still connected here, if only paused: manager role."),
    ],
)
def test_an_account_that_left_weighs_what_access_is_left(counts: dict[str, Any], severity: str, words: str) -> None:
    one = watched.organization_account_left(watched.Gone("Team (111122223333)", "left organisation o-a1b2c3d4e5", **counts))
    assert (one.rule, one.severity.word) == ("organization-account-left", severity)
    assert one.text == f"Team (111122223333) left organisation o-a1b2c3d4e5. {words}"
    assert one.rule in RULES
