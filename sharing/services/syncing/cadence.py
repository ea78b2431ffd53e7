"""What reading an account costs: calls a day, said before it is connected.

Once a day, per region: ListFunctions (50 a page), ListAliases and GetPolicy of each function, GetPolicy of each alias, and
ListLayers; once a week, spread over it: versions, tags and URLs of each function, GetPolicy of each version, one list of
event source mappings. A region without functions or layers is asked for both lists once a week. What somebody opens or
asks for comes on top.
"""

import math
from dataclasses import dataclass

from django.conf import settings

from sharing.aws.pace import RATE
from sharing.models import Account, Connection, Function, Qualifier, QualifierKind

_WEEK = 7
_A_PAGE = 50


@dataclass(frozen=True)
class Size:
    """What an account holds, as far as it decides how many calls reading it takes. regions: those with functions."""

    functions: int
    regions: int = 1
    empty_regions: int = 0
    aliases: int = 0
    versions: int = 0

    @property
    def calls_a_day(self) -> int:
        """On an average day, rounded up."""
        pages = self.regions + self.functions // _A_PAGE
        daily = pages + self.regions + 2 * self.functions + self.aliases
        weekly = 3 * self.functions + self.versions + self.regions + 2 * self.empty_regions
        return math.ceil(daily + weekly / _WEEK)


def size_of(account: Account, regions: list[str]) -> Size:
    """What is known of these regions of the account."""
    functions = Function.objects.present().filter(account=account, region__in=regions)
    filled = functions.values("region").distinct().count()
    of_those = Qualifier.objects.filter(function__in=functions, vanished_at=None)
    return Size(
        functions.count(),
        filled,
        len(regions) - filled,
        of_those.filter(kind=QualifierKind.ALIAS).count(),
        of_those.filter(kind=QualifierKind.VERSION).count(),
    )


def cadence(connection: Connection | None = None) -> str:
    """In sentences: how often the account is read, how many calls that makes, and how fast they come."""
    regions = list(connection.regions) if connection else []
    size = size_of(connection.account, regions) if connection else Size(0)
    often = "Every region is read once a day, one without functions once a week."
    if size.functions:
        many = f"As it is known, about {size.calls_a_day:,} calls a day: {_counted(size.functions, 'function')}"
        many += f" in {_counted(size.regions, 'region')}, {_counted(size.empty_regions, 'region')} without any."
    else:
        few, more = ((f"{number:,} functions", f"{Size(number).calls_a_day:,}") for number in (100, 1000))
        many = f"{few[0]} in one region make about {few[1]} calls a day, {more[0]} about {more[1]}, each alias one more;"
        many += " a region without functions makes two a week."
    share = settings.AWS_PACE_SHARE
    fast = f"They come one after the other, at {_short(RATE * share)} a second at most of the {RATE:g} that AWS allows"
    fast += " of each kind in a region."
    quiet = f" Never between {settings.QUIET_HOURS}, unless somebody asks." if settings.QUIET_HOURS else ""
    return f"{often} {many} {fast}{quiet}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
