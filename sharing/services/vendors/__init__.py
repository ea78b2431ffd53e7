"""Names that a public list gives to accounts of vendors: a hint for people, never a reason to trust (README.md beside this).

Nothing is looked up anywhere: the list is a file that came with fnshare.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOURCE: Final = "fwdcloudsec/known_aws_accounts"
AS_OF: Final = "2025-09-17"
_LIST: Final = Path(__file__).with_name("known_aws_accounts.tsv")


@dataclass(frozen=True)
class Vendor:
    """What the list says of an account. `mark`: "aws" for one of AWS's own, "former" for one said not to be used any more."""

    name: str
    mark: str = ""

    @property
    def label(self) -> str:
        """As it is shown everywhere: that it is from a list is part of it."""
        whose = {"aws": f"AWS, {self.name}", "former": f"{self.name}, formerly"}.get(self.mark, self.name)
        return f"Vendor: {whose} (public list)"


@functools.cache
def vendors() -> Mapping[str, Vendor]:
    """Everybody on the list, by account id."""
    rows = (line.split("\t") for line in _LIST.read_text(encoding="utf-8").splitlines())
    return {number: Vendor(name, mark) for number, name, mark in rows}


def vendor(number: str) -> Vendor | None:
    """What the list says of this account; None: it is not on it, which says nothing."""
    return vendors().get(number)
