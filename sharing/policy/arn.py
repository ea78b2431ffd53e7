"""Amazon Resource Names, and the one that matters most here: a Lambda function with an optional qualifier.

Facts: FunctionName pattern and lengths of the Lambda API (name 64, qualifier 128); partitions of the IAM guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

#: Region prefix of every partition but `aws`, which has all other regions.
REGION_PREFIXES: Final[dict[str, str]] = {
    "aws-cn": "cn-",
    "aws-us-gov": "us-gov-",
    "aws-iso": "us-iso-",
    "aws-iso-b": "us-isob-",
    "aws-iso-e": "eu-isoe-",
    "aws-iso-f": "us-isof-",
    "aws-eusc": "eusc-",
}
PARTITIONS: Final[tuple[str, ...]] = ("aws", *REGION_PREFIXES)

_SPECIAL: Final = tuple(REGION_PREFIXES.values())

LATEST: Final = "$LATEST"

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_SPACING = re.compile(r"[\s-]")
_REGION = re.compile(r"(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-[0-9]")
_NAME = re.compile(r"[a-zA-Z0-9_.-]+", re.ASCII)
_QUALIFIER = re.compile(r"\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9_-]+", re.ASCII)
_FUNCTION = re.compile(
    rf"arn:(?P<partition>{'|'.join(PARTITIONS)}):lambda:(?P<region>{_REGION.pattern}):(?P<account>[0-9]{{12}}):function:"
    rf"(?P<name>[a-zA-Z0-9_.-]{{1,64}})(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]{{1,128}}))?",
    re.ASCII,
)
_EXAMPLE = "arn:aws:lambda:us-east-1:444455556666:function:hello_world"


class ArnError(ValueError):
    """The text is no ARN of the wanted kind. `str(error)` is a sentence for a person: what is wrong, what to do."""


def is_account_id(text: str) -> bool:
    """Whether `text` is exactly twelve ASCII digits."""
    return _ACCOUNT.fullmatch(text) is not None


def unspaced(text: str) -> str:
    """An account id as AWS reads it, of one as people write it: without spaces and dashes."""
    return _SPACING.sub("", text)


def digits_of(text: str) -> str:
    """An account id or a part of it, however it is spaced; "" for other words."""
    digits = unspaced(text)
    return digits if digits.isascii() and digits.isdigit() else ""


def is_region(text: str) -> bool:
    """Whether `text` looks like a region's name. Nothing else becomes part of a host's."""
    return _REGION.fullmatch(text) is not None


def partition_of_region(region: str) -> str:
    """The partition a region belongs to: `cn-north-1` is in `aws-cn`, `eu-west-1` in `aws`."""
    if not region.startswith(_SPECIAL):
        return "aws"
    return next(partition for partition, prefix in REGION_PREFIXES.items() if region.startswith(prefix))


@dataclass(frozen=True, slots=True)
class Arn:
    """The six parts of any ARN; region and account may be empty, `resource` keeps its own colons and slashes."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Split an ARN. Raises ArnError when it has fewer than six parts or an unknown partition."""
        parts = text.strip().split(":", 5)
        if len(parts) < 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
            raise ArnError(f"“{shorten(text)}” is not an ARN: it must have six parts separated by colons, such as {_EXAMPLE}.")
        _, partition, service, region, account, resource = parts
        if partition not in PARTITIONS:
            raise ArnError(
                f"“{shorten(partition)}” is not an AWS partition: "
                f"the ARN must begin with arn:aws: (or {', '.join(f'arn:{name}:' for name in REGION_PREFIXES)})."
            )
        return cls(partition, service, region, account, resource)

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


@dataclass(frozen=True, slots=True, order=True)
class FunctionArn:
    """One form of a Lambda function: the bare function, or an alias or version of it. Each has its own policy."""

    partition: str
    region: str
    account: str
    name: str
    qualifier: str | None = None

    @classmethod
    def parse(cls, text: str) -> FunctionArn:
        """Read a full function ARN, qualified or not. Raises ArnError with a sentence for a person.

        `$LATEST` is accepted here because it occurs in what AWS stores; no policy can be put on it.
        """
        found = _FUNCTION.fullmatch(text)
        if found is not None and partition_of_region(found["region"]) == found["partition"]:
            return cls(*found.group("partition", "region", "account", "name", "qualifier"))
        return cls._parse_carefully(text.strip())

    @classmethod
    def _parse_carefully(cls, text: str) -> FunctionArn:
        """Say what is wrong, step by step."""
        if not text:
            raise ArnError(f"Give the function's full ARN, such as {_EXAMPLE}.")
        if not text.startswith("arn:"):
            raise ArnError(
                f"“{shorten(text)}” is not a full function ARN: copy the whole ARN from the Lambda console, such as {_EXAMPLE}."
            )
        arn = Arn.parse(text)
        kind, _, rest = arn.resource.partition(":")
        if arn.service != "lambda" or kind != "function" or not rest:
            raise ArnError(
                f"“{shorten(text)}” names no Lambda function: a function's ARN has the form "
                "arn:aws:lambda:REGION:ACCOUNT:function:NAME."
            )
        name, colon, qualifier = rest.partition(":")
        if colon and not qualifier:
            raise ArnError("The ARN ends with a colon: write an alias or version after it, or leave the colon out.")
        _check_place(arn)
        _check_name(name)
        if qualifier:
            check_qualifier(qualifier)
        return cls(arn.partition, arn.region, arn.account, name, qualifier or None)

    @property
    def unqualified(self) -> FunctionArn:
        """The bare function this form belongs to."""
        return self if self.qualifier is None else replace(self, qualifier=None)

    def with_qualifier(self, qualifier: str | None) -> FunctionArn:
        """The same function through an alias or version; None or empty gives the bare function.

        Raises ArnError when the qualifier cannot exist.
        """
        if qualifier:
            check_qualifier(qualifier)
        return replace(self, qualifier=qualifier or None)

    @property
    def is_version(self) -> bool:
        """Whether the qualifier is a published version: aliases can never be digits only."""
        return self.qualifier is not None and self.qualifier.isascii() and self.qualifier.isdigit()

    @property
    def is_alias(self) -> bool:
        """Whether the qualifier is an alias."""
        return self.qualifier is not None and not self.is_version and not self.qualifier.startswith("$")

    def __str__(self) -> str:
        base = f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.name}"
        return base if self.qualifier is None else f"{base}:{self.qualifier}"


def check_qualifier(qualifier: str) -> None:
    """Raise ArnError unless `qualifier` could be an alias, a version or `$LATEST`."""
    if len(qualifier) > 128:
        raise ArnError(f"The alias or version has {len(qualifier)} characters; AWS allows 128: use a shorter one.")
    if not _QUALIFIER.fullmatch(qualifier):
        raise ArnError(
            f"“{shorten(qualifier)}” cannot be an alias or version: use letters, digits, hyphens and underscores only."
        )


def shorten(text: str, limit: int = 80) -> str:
    """`text` cut to `limit` characters, control characters made visible: fit to be quoted in a sentence."""
    shown = "".join(char if char.isprintable() else "�" for char in text[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def _check_place(arn: Arn) -> None:
    if not is_account_id(arn.account):
        count = len(arn.account)
        raise ArnError(
            f"The account in the ARN, “{shorten(arn.account)}”, has {count} characters: "
            "an AWS account id has exactly 12 digits."
        )
    if not _REGION.fullmatch(arn.region):
        raise ArnError(f"“{shorten(arn.region)}” is not an AWS region: write one such as us-east-1.")
    expected = partition_of_region(arn.region)
    if expected != arn.partition:
        raise ArnError(
            f"Region {arn.region} belongs to partition {expected}, but the ARN says {arn.partition}: "
            f"it must begin with arn:{expected}:."
        )


def _check_name(name: str) -> None:
    if len(name) > 64:
        raise ArnError(f"The function name has {len(name)} characters; AWS allows 64: check what was copied.")
    if not _NAME.fullmatch(name):
        raise ArnError(
            f"“{shorten(name)}” cannot be a function name: it may hold letters, digits, hyphens, underscores and dots only."
        )
