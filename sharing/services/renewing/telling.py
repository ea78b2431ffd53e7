"""Whether what is kept was made by the rules of this version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sharing.models import Renewal
from sharing.policy import exposure, layers
from sharing.policy import findings as rules
from sharing.services import tallying, waking
from sharing.services.syncing import mentioned

#: What is kept, in the order in which it is made anew.
VERSIONS: Final[Mapping[str, int]] = {
    "wakers": waking.VERSION,
    "tallies": tallying.VERSION,
    "exposures": exposure.VERSION,
    "layers": layers.VERSION,
    "mentions": mentioned.VERSION,
    "findings": rules.VERSION,
}
#: The mark of everything made by these.
MARK: Final = " ".join(f"{name}-{version}" for name, version in VERSIONS.items())
SENTENCE: Final = (
    "fnshare was upgraded: what policies let in, counts and findings are being worked out anew; until that is done some of it "
    "is as the version before worked it out."
)


def is_old(mark: str | None) -> bool:
    """Whether some of what is kept was made by other rules. mark: of the row; None: there is none."""
    return mark is not None and mark != MARK


def said() -> tuple[str, ...]:
    """A sentence while that is so. One query."""
    return (SENTENCE,) if is_old(Renewal.objects.filter(pk=1).values_list("mark", flat=True).first()) else ()
