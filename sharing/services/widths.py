"""What the policies of a function let in together, kept with it, so that lists need not ask every policy of every function.

Kept by whoever keeps what wakes it (services.waking.keeping), for the same marks: whoever changes a policy leaves one.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final

from sharing.models import Function, Policy, Reading

NOT_SAFE: Final = ("yes", "depends")  # what hangs on something unknown counts as not safe
_COLUMNS: Final = ("function_id", "public", "open_service", "external", "reading", "unread_since")

Facts = tuple[str, str, str, bool]  # public, open_service, external, whether it is unread


def keep(functions: Collection[uuid.UUID]) -> None:
    """Of these functions, which the transaction around it holds."""
    policies: dict[uuid.UUID, list[Facts]] = {pk: [] for pk in functions}
    present = Policy.objects.filter(function__in=functions, vanished_at=None).values_list(*_COLUMNS)
    for pk, public, open_service, external, reading, since in present:
        policies[pk].append((public, open_service, external, reading == Reading.UNREAD or since is not None))
    alike: dict[tuple[tuple[str, Any], ...], list[uuid.UUID]] = defaultdict(list)
    for pk, found in policies.items():
        alike[tuple(together(found).items())].append(pk)
    for columns, keys in alike.items():
        Function.objects.filter(pk__in=keys).update(**dict(columns))


def together(policies: Iterable[Facts]) -> dict[str, Any]:
    """The function's columns. `width`: how wide it is, 0 for nobody outside; unread counts as wider than other accounts."""
    found = list(policies)
    public, open_service, external = ({one[at] for one in found} for at in range(3))
    unread = any(one[3] for one in found)
    steps = (
        "yes" in public,
        "depends" in public,
        "yes" in open_service,
        "depends" in open_service,
        unread,
        not external.isdisjoint(NOT_SAFE),
    )
    return {
        "lets_public": steps[0] or steps[1],
        "lets_open_service": steps[2] or steps[3],
        "lets_external": steps[5],
        "lets_nobody": bool(found) and not any(steps),
        "is_unread": unread,
        "width": next((len(steps) - at for at, is_so in enumerate(steps) if is_so), 0),
    }
