"""Rules about policies: what each finds, and what it leaves alone."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from sharing.policy import FunctionArn, exposures, parse
from sharing.policy.findings import OF_POLICIES, RULES, Facts, Found, Severity, digest_of, of_policy
from tests.policy.documents import (
    ACME,
    GLOBEX,
    INVOKE,
    INVOKE_URL,
    ORG,
    OWNER,
    STRANGER,
    F,
    allow,
    deny,
    policy,
    role,
    root,
    service,
)

URL_NONE = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
URL_IAM = {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}
VIA = {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
GHOST = {"AWS": "AROAEXAMPLE7Q2LKXABC"}
NOT_OURS = {"StringNotEquals": {"aws:PrincipalOrgID": ORG}}
FROM_US = {"StringEquals": {"AWS:SourceAccount": OWNER}}
PAIR = policy(allow("*", URL_NONE, Action=INVOKE_URL), allow("*", VIA, Sid="2"))


def judged(
    document: Any,
    *,
    url: str | None = "absent",
    known: tuple[str, ...] = (OWNER, ACME, GLOBEX),
    size: int | None = None,
    trusted: tuple[str, ...] = (),
    organizations: tuple[str, ...] = (),
) -> dict[uuid.UUID, Found]:
    function = FunctionArn.parse(F)
    read = parse(document)
    let_in = exposures(
        read,
        function_arn=function,
        owner_account=OWNER,
        url_auth=url,
        trusted_accounts=trusted,
        trusted_organizations=organizations,
    )
    facts = Facts(
        read, function, OWNER, tuple(let_in), url, read.size if size is None else size, (*known, *trusted), organizations
    )
    return of_policy(facts)


def rules(document: Any, **facts: Any) -> dict[str, str]:
    """Rule → severity, of everything found."""
    return {one.rule: one.severity.word for one in judged(document, **facts).values()}


def only(rule: str, document: Any, **facts: Any) -> Found:
    found = [one for one in judged(document, **facts).values() if one.rule == rule]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("document", "facts", "expected"),
    [
        # Nothing to find
        (None, {}, {}),
        (policy(), {}, {}),
        (policy(allow()), {}, {}),
        (policy(allow({"AWS": role()})), {}, {}),
        (policy(allow(service(), FROM_US)), {}, {}),
        (policy(allow("*", {"StringEquals": {"aws:PrincipalOrgID": ORG}})), {"organizations": (ORG,)}, {}),
        # Public
        (policy(allow("*")), {}, {"public": "critical"}),
        (policy(allow({"AWS": "*"}, Action="lambda:GetFunction")), {}, {"public": "critical"}),
        (policy(allow("*", {"StringLike": {"aws:UserAgent": "x"}})), {}, {"public": "critical"}),
        (policy(allow("*", {"StringEquals": {"aws:PrincipalAccount": ACME}})), {}, {}),
        (policy(allow("*"), deny()), {}, {"deny-kills": "low"}),
        # Public, depends
        (policy(allow("*", {"StringEquals": {"lambda:EventSourceToken": "secret"}})), {}, {"public-depends": "high"}),
        ("{not json", {}, {"public-depends": "high", "malformed": "high"}),
        # Open service
        (policy(allow(service())), {}, {"open-service": "high"}),
        (policy(allow(service(), {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}})), {}, {"open-service": "medium"}),
        (policy(allow(service("elasticloadbalancing"))), {}, {}),
        # Ghost
        (policy(allow(GHOST)), {}, {"ghost": "medium"}),
        # Outsiders, by what they may do and how well they are known
        (policy(allow(Action="lambda:UpdateFunctionCode")), {}, {"manage-outsider": "high"}),
        (policy(allow(Action="lambda:UpdateFunctionCode")), {"trusted": (ACME,)}, {"manage-outsider": "medium"}),
        (policy(allow(root(OWNER), Action="lambda:UpdateFunctionCode")), {}, {}),
        (policy(allow(Action="lambda:GetFunction")), {}, {"read-outsider": "medium"}),
        (policy(allow(Action="lambda:GetFunction")), {"trusted": (ACME,)}, {"read-outsider": "low"}),
        (policy(allow(Action="lambda:ListTags")), {}, {"read-outsider": "low"}),
        (policy(allow(root(STRANGER))), {}, {"unknown-account": "medium"}),
        (policy(allow(root(STRANGER))), {"trusted": (STRANGER,)}, {}),
        (policy(allow({"AWS": role(account=STRANGER)})), {}, {"unknown-account": "medium"}),
        (policy(allow(service(), {"StringEquals": {"AWS:SourceAccount": STRANGER}})), {}, {"unknown-account": "medium"}),
        (policy(allow("*", {"StringEquals": {"aws:PrincipalOrgID": ORG}})), {}, {"unknown-account": "medium"}),
        # Function URLs
        (PAIR, {"url": "NONE"}, {"public-url": "high"}),
        (PAIR, {}, {"url-idle": "medium"}),
        (PAIR, {"url": "AWS_IAM"}, {"url-idle": "medium"}),
        (policy(allow("*", URL_NONE, Action=INVOKE_URL)), {"url": "NONE"}, {"url-half": "medium"}),
        (policy(allow(condition=URL_IAM, Action=INVOKE_URL)), {"url": "AWS_IAM"}, {"url-half": "medium"}),
        (policy(allow(condition=VIA)), {"url": "AWS_IAM"}, {"url-half": "medium"}),
        (policy(allow(condition=URL_IAM, Action=INVOKE_URL)), {}, {"url-idle": "low"}),
        (policy(allow(condition=URL_IAM, Action=INVOKE_URL), allow(condition=VIA, Sid="2")), {"url": "AWS_IAM"}, {}),
        (None, {"url": "NONE"}, {"url-unanswered": "medium"}),
        (policy(allow()), {"url": "NONE"}, {"url-unanswered": "medium"}),
        (None, {"url": "AWS_IAM"}, {"url-unanswered": "low"}),
        (None, {"url": None}, {}),
        # Authorises nothing
        (policy(allow(Action="lambda:Invoke")), {}, {"authorises-nothing": "low"}),
        (policy(allow(Action="lambda:CreateEventSourceMapping")), {}, {"authorises-nothing": "low"}),
        (policy(allow(service("sns"), {"StringEquals": {"aws:PrincipalOrgID": ORG}})), {}, {"authorises-nothing": "low"}),
        (policy(allow({"AWS": f"arn:aws-cn:iam::{ACME}:root"})), {}, {"authorises-nothing": "low"}),
        (policy(allow({"Federated": "cognito-identity.amazonaws.com"})), {}, {"authorises-nothing": "low"}),
        # Room
        (policy(allow()), {"size": 18_432}, {"nearly-full": "medium"}),
        (policy(allow()), {"size": 18_431}, {}),
        # Sids
        (policy(allow(Sid=None)), {}, {"no-sid": "low"}),
        (policy(allow(Sid="a b")), {}, {"no-sid": "low"}),
        (policy(allow(Sid="x" * 101)), {}, {"no-sid": "low"}),
        (policy(allow(), allow(root(GLOBEX))), {}, {"no-sid": "low"}),
        # Malformed
        (policy({**allow(), "Effect": "Alow"}), {}, {"malformed": "medium"}),
        # Shadowed
        (policy(allow(), allow({"AWS": role()}, Sid="narrow")), {}, {"shadowed": "low"}),
        (policy(allow(), allow(Sid="again")), {}, {"shadowed": "low"}),
        (policy(allow("*"), allow(Sid="narrow")), {}, {"public": "critical", "shadowed": "low"}),
        (policy(allow(), allow(Action="lambda:GetAlias", Sid="other")), {}, {"read-outsider": "low"}),
        (policy(allow(condition={"StringEquals": {"aws:PrincipalOrgID": ORG}}), allow({"AWS": role()}, Sid="free")), {}, {}),
        # A Deny that kills
        (policy(allow(service(), FROM_US), deny("*", NOT_OURS)), {}, {"deny-kills": "medium"}),
        (policy(allow(), deny(root())), {}, {"deny-kills": "low"}),
        (policy(allow(), deny(root(GLOBEX))), {}, {}),
    ],
)  # fmt: skip
def test_a_policy_has_these_findings(document: Any, facts: dict[str, Any], expected: dict[str, str]) -> None:
    assert rules(document, **facts) == expected


def test_every_rule_is_explained_and_every_explanation_is_of_a_rule() -> None:
    assert set(OF_POLICIES) <= set(RULES)
    for rule in RULES.values():
        assert all(len(text) > 30 for text in (rule.means, rule.matters, rule.repair, rule.fact)), rule.code
    assert [rule.severity for rule in RULES.values()] == sorted((rule.severity for rule in RULES.values()), reverse=True)


def test_ids_are_the_same_whatever_stands_around_the_statement() -> None:
    alone = set(judged(policy(allow("*"))))
    among = set(judged(policy(allow(root(GLOBEX), Sid="other"), allow("*"), version="2008-10-17")))
    assert alone <= among
    assert alone != set(judged(policy(allow("*", Sid="renamed"))))


def test_two_statements_that_say_the_same_under_two_sids_are_two_findings() -> None:
    found = judged(policy(allow("*"), allow("*", Sid="twin")))
    assert sorted(one.statement.sid or "" for one in found.values() if one.rule == "public" and one.statement) == [
        "allow",
        "twin",
    ]


def test_one_statement_for_everybody_is_one_finding_that_names_all_it_gives() -> None:
    found = only("public", policy(allow("*", Action="lambda:*")))
    assert found.text == "Any AWS account can invoke, read and change f."
    assert found.severity == Severity.CRITICAL


def test_each_stranger_of_one_statement_is_a_finding_of_its_own() -> None:
    both = {"AWS": [f"arn:aws:iam::{STRANGER}:root", "arn:aws:iam::999900002222:root"]}
    causes = {one.cause for one in judged(policy(allow(both))).values()}
    assert causes == {f"unknown:account {STRANGER}", "unknown:account 999900002222"}


def test_a_long_list_of_strangers_on_one_policy_is_one_cause() -> None:
    many = {"AWS": [f"arn:aws:iam::9999000{number:05}:root" for number in range(6)]}
    found = [one for one in judged(policy(allow(many))).values() if one.rule == "unknown-account"]
    assert len(found) == 6
    assert {one.cause for one in found} == {"list:f"}


def test_what_depends_says_on_what_and_is_not_certain() -> None:
    found = only("public-depends", policy(allow("*", {"StringEquals": {"lambda:EventSourceToken": "secret"}})))
    assert not found.certain
    assert "shared secret" in found.depends_on[0]
    assert "secret" not in found.text.replace("shared secret", "")


def test_a_url_that_nobody_looked_for_may_exist() -> None:
    found = [one for one in judged(PAIR, url=None).values() if one.rule == "public-url"]
    assert len(found) == 2
    assert not any(one.certain for one in found)
    assert all("whether the function has a URL" in one.depends_on for one in found)


def test_half_of_a_pair_names_the_half_that_is_missing() -> None:
    assert only("url-half", policy(allow("*", URL_NONE, Action=INVOKE_URL)), url="NONE").facts == {
        "missing": INVOKE,
        "auth": "NONE",
    }
    assert only("url-half", policy(allow(condition=VIA)), url="AWS_IAM").facts == {"missing": INVOKE_URL, "auth": "AWS_IAM"}


def test_of_two_that_cover_each_other_the_later_is_superfluous() -> None:
    found = only("shadowed", policy(allow(), allow(Sid="again")))
    assert (found.statement.sid if found.statement else "", found.others) == ("again", ("allow",))


def test_the_wider_statement_may_come_later() -> None:
    found = only("shadowed", policy(allow({"AWS": role()}, Sid="narrow"), allow()))
    assert found.statement is not None
    assert found.statement.sid == "narrow"


def test_a_deny_that_kills_a_trigger_names_the_trigger_and_the_deny() -> None:
    found = only("deny-kills", policy(allow(service(), FROM_US, Sid="s3"), deny(service())))
    assert found.text == "The Deny deny shuts Amazon S3 out of f: the trigger that statement “s3” gives does not work."
    assert found.others == ("deny",)


def test_what_somebody_accepts_changes_with_the_statement_and_with_who_is_let_in_but_not_with_trust() -> None:
    document = policy(allow(Action="lambda:GetFunction"))
    before, trusted = only("read-outsider", document), only("read-outsider", document, trusted=(ACME,))
    assert before.says == trusted.says
    assert before.says != only("read-outsider", policy(allow(root(GLOBEX), Action="lambda:GetFunction"))).says


def test_hostile_text_is_judged_like_any_other() -> None:
    evil = "<script>alert(1)</script>\x00"
    found = judged(policy(allow({"AWS": evil}, Sid=evil), {"Sid": {"a": evil}, "Effect": [evil]}, evil, None))
    assert {"malformed", "no-sid"} <= {one.rule for one in found.values()}


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    one = parse(policy(allow())).statements[0]
    other = parse(policy(dict(reversed(allow().items())))).statements[0]
    assert digest_of(one) == digest_of(other)


def test_a_full_policy_is_judged_quickly() -> None:
    import time

    many = policy(*(allow(root(f"{100000000000 + number}"), Sid=f"s{number}") for number in range(90)))
    started = time.perf_counter()
    assert len(judged(many)) == 90  # nobody knows them
    assert time.perf_counter() - started < 1.0
