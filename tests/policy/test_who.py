"""One field for whom to share with: what it understands, and what it says about everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.policy import Principal, PrincipalKind, WhoError, parse_who

NAMES = {
    "Globex": "111122223333",
    "Acme Corp": "222233334444",
    "acme corp": "222233334444",
    "Twin": "333344445555",
    "TWIN": "444455556666",
}
ROLE = "arn:aws:iam::111122223333:role/team/deploy"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("111122223333", "account", "111122223333"),
        ("1111-2222-3333", "account", "111122223333"),
        (" 1111 2222 3333 ", "account", "111122223333"),
        ("1111–2222–3333", "account", "111122223333"),
        ("\u200b111122223333\u00a0", "account", "111122223333"),
        ("“111122223333”", "account", "111122223333"),
        ("globex", "account", "111122223333"),
        ("GLOBEX ", "account", "111122223333"),
        ("acme  corp", "account", "222233334444"),
        ("arn:aws:iam::111122223333:root", "account", "111122223333"),
        (ROLE, "role", ROLE),
        ("arn:aws:iam::111122223333:role/service-role/x", "role", "arn:aws:iam::111122223333:role/service-role/x"),
        ("arn:aws:iam::111122223333:user/bob", "user", "arn:aws:iam::111122223333:user/bob"),
        ("arn:aws:sts::111122223333:assumed-role/R/S", "session", "arn:aws:sts::111122223333:assumed-role/R/S"),
        ("o-abcdef1234", "organization", "o-abcdef1234"),
        ("O-ABCDEF1234", "organization", "o-abcdef1234"),
        ("arn:aws:organizations::111122223333:organization/o-abcdef1234", "organization", "o-abcdef1234"),
        ("arn:aws:organizations::111122223333:account/o-abcdef1234/222233334444", "account", "222233334444"),
        ("s3", "service", "s3.amazonaws.com"),
        ("S3", "service", "s3.amazonaws.com"),
        ("Amazon S3", "service", "s3.amazonaws.com"),
        ("s3.amazonaws.com", "service", "s3.amazonaws.com"),
        ("EventBridge", "service", "events.amazonaws.com"),
        ("cloudwatch alarms", "service", "lambda.alarms.cloudwatch.amazonaws.com"),
        ("alexa", "service", "alexa-appkit.amazon.com"),
        ("sns.ap-east-1.amazonaws.com", "service", "sns.ap-east-1.amazonaws.com"),
        ("appflow.amazonaws.com", "service", "appflow.amazonaws.com"),
        ("*", "everyone", "*"),
        ("Everyone", "everyone", "*"),
        ("anyone", "everyone", "*"),
    ],
)
def test_people_are_understood(text: str, kind: str, value: str) -> None:
    found = parse_who(text, names=NAMES)
    assert (found.kind, found.value) == (kind, value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Say who"),
        ("11111111111", "has 11 digits"),
        ("1111-2222-33334", "has 13 digits"),
        ("twin", "TWIN .444455556666.|Twin .333344445555."),
        ("Globexx", "did you mean Globex .111122223333."),
        ("snss.amazonaws.com", "did you mean sns.amazonaws.com"),
        ("s3.amazonaw.com", "did you mean s3.amazonaws.com"),
        ("s3.amzonaws.com", "did you mean s3.amazonaws.com"),
        ("eventbrige", "did you mean events.amazonaws.com"),
        ("amazonaws.com", "alone names no service"),
        ("arn:aws-cn:iam::111122223333:role/x", "partition aws-cn"),
        ("arn:aws:iam::111122223333:role/*", "no wildcard"),
        ("arn:aws:iam::*:root", "no wildcard"),
        ("arn:aws:iam::11112222333:role/x", "11 characters"),
        ("arn:aws:iam::111122223333:group/admins", "IAM group can never"),
        ("arn:aws:iam::111122223333:instance-profile/web", "role inside it"),
        ("arn:aws:iam::111122223333:saml-provider/okta", "identity provider"),
        ("arn:aws:iam::111122223333:oidc-provider/token.actions", "identity provider"),
        ("arn:aws:iam::111122223333:policy/p", "not a principal"),
        ("arn:aws:sts::111122223333:federated-user/bob", "temporary session"),
        ("arn:aws:sts::111122223333:assumed-role/R", "not a session"),
        ("arn:aws:iam::111122223333:role/", "ends before"),
        ("arn:aws:iam:us-east-1:111122223333:role/x", "names no region"),
        ("arn:aws:s3:::bucket", "not somebody"),
        ("arn:aws:iam::111122223333:role/a role", "no spaces"),
        ("arn:nonsense", "six parts"),
        (f"arn:aws:iam::111122223333:role/{'r' * 65}", "at most 64"),
        ("o-short", "not a whole organisation id"),
        ("ou-ab12-cdefgh34", "part of an organisation"),
        ("o-abcdef1234/r-ab/ou-1", "part of an organisation"),
        ("AROAEXAMPLEEXAMPLE12", "internal id"),
        ("AKIAIOSFODNN7EXAMPLE", "access key id"),
        ("bob@example.com", "not with e-mail"),
        ("<script>alert(1)</script>", "nobody AWS could share with"),
    ],
)
def test_everybody_else_is_refused_with_what_to_do(text: str, words: str) -> None:
    with pytest.raises(WhoError, match=words) as caught:
        parse_who(text, names=NAMES)
    assert str(caught.value)[-1] in ".?)"


def test_a_name_that_is_account_and_service_is_ambiguous() -> None:
    with pytest.raises(WhoError, match=r"both an account .* and a service"):
        parse_who("s3", names={"S3": "111122223333"})


def test_two_spellings_of_one_account_are_not_ambiguous() -> None:
    assert parse_who("ACME CORP", names=NAMES).value == "222233334444"


def test_a_secret_looking_key_is_never_repeated() -> None:
    with pytest.raises(WhoError) as caught:
        parse_who("AKIAIOSFODNN7EXAMPLE")
    assert "AKIA" not in str(caught.value)


def test_the_partition_of_the_function_is_taken() -> None:
    found = parse_who("111122223333", partition="aws-cn")
    assert found.arn == "arn:aws-cn:iam::111122223333:root"


@given(st.text(max_size=120))
def test_any_text_gives_a_principal_or_a_sentence(text: str) -> None:
    try:
        found = parse_who(text, names=NAMES)
    except WhoError as error:
        assert str(error)  # noqa: PT017 (either outcome is right)
    else:
        assert found.kind is not PrincipalKind.UNKNOWN


@pytest.mark.parametrize(
    "text", ["111122223333", ROLE, "s3", "*", "o-abcdef1234", "arn:aws:sts::111122223333:assumed-role/R/S"]
)
def test_what_is_written_is_read_back_from_what_aws_stores(text: str) -> None:
    found = parse_who(text)
    stored = found.stored
    if isinstance(stored, str):
        assert stored == "*"
        return
    ((key, value),) = stored.items()
    assert Principal.from_stored(value, key=key) == found
