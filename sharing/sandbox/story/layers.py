"""The layers of both stories: shared with an account, with an organisation, with everyone, with nobody."""

from collections.abc import Callable

from sharing.sandbox.seeding import Seeding
from sharing.sandbox.story.statements import Document, Statement, account, allow, organisation, policy

GET = "lambda:GetLayerVersion"

#: Makes a version's policy for its ARN; None: it has none.
Make = Callable[[str], Document] | None


def _account(sid: str, number: str) -> Callable[[str], Statement]:
    return lambda arn: account(sid, number, arn, action=GET)


def _organisation(sid: str, number: str) -> Callable[[str], Statement]:
    return lambda arn: {**organisation(sid, number, arn), "Action": GET}


def _everyone(sid: str) -> Callable[[str], Statement]:
    return lambda arn: allow(sid, "*", arn, action=GET)


def _policy(*makes: Callable[[str], Statement]) -> Make:
    return lambda arn: policy(*(make(arn) for make in makes))


#: region, layer, description of the version, its policy; a layer named again gets its next version
DEMO: list[tuple[str, str, str, Make]] = [
    ("us-east-1", "observability", "Tracing and logs, first try", None),
    ("us-east-1", "observability", "Tracing and logs", _policy(_account("acme", "111122223333"))),
    (
        "us-east-1",
        "observability",
        "Tracing and logs, with metrics",
        _policy(_organisation("organisation", "o-k3s8w1q9zt"), _account("initech", "333344445555")),
    ),
    ("us-east-1", "image-tools", "Reads and scales pictures", None),
    ("us-east-1", "image-tools", "Reads and scales pictures, AVIF too", _policy(_account("acme-retail", "111122223333"))),
    ("us-east-1", "geo-data", "Country borders and time zones", _policy(_everyone("everyone"))),
    ("us-east-1", "payment-rules", '<b>Rules</b> of "every" payment provider & bank', None),
    ("eu-west-1", "image-tools", "Reads and scales pictures", _policy(_account("globex", "222233334444"))),
    ("eu-west-1", "vat-tables", "VAT rates", None),
]

OTHER: list[tuple[str, str, str, Make]] = [
    ("eu-central-1", "codec-pack", "Codecs", _policy(_account("contoso", "752093486610"))),
    ("eu-central-1", "codec-pack", "Codecs, newer", None),
    ("ap-southeast-2", "subtitle-fonts", "Fonts", _policy(_organisation("members", "o-v7m2p4x9qd"))),
]

_RUNTIMES = (("python3.13", "python3.12"), ("nodejs22.x",), ("java21",))


def add(sandbox: Seeding, owner: str, versions: list[tuple[str, str, str, Make]]) -> None:
    """Put the layer versions and their policies into the owner's account."""
    for number, (region, name, description, make) in enumerate(versions):
        arn = sandbox.add_layer_version(
            owner,
            region,
            name,
            description=description,
            runtimes=_RUNTIMES[number % 3],
            license="MIT" if number % 2 else "",
            created=f"2026-{1 + number % 10:02d}-{1 + number * 5 % 28:02d}T10:15:00.000+0000",
        )
        if make is not None:
            sandbox.put_layer_policy(arn, make(arn))
