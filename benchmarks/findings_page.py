"""How long the list of findings takes beside a plain Django list view of the same size, and how that grows with the estate.

    python -m benchmarks.findings_page

Half of the consumers have no name here, so that most policies hold a finding. Claims: the number of queries is the same at
1,000 and at 10,000 functions with 1,000 accounts; the first byte within 3 times that of a plain list view over the same rows
(with their functions, counted, 50 a page, in the same frame); 10,000 functions take less than 1.5 times as long as 1,000.
Exit status 1 if one does not hold.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.beside import ACCOUNTS, PLAIN, Measured, auditor, compare, serve_plain, timed
from benchmarks.estate import OWNERS, build, throwaway_database


def measure(functions: int) -> Measured:
    """Queries and milliseconds by page, for one size."""
    with throwaway_database():
        build(functions, ACCOUNTS)
        from sharing.models import Account, Finding, FindingVisit
        from sharing.services.findings import refreshing

        consumers = list(Account.objects.order_by("number").values_list("pk", flat=True)[OWNERS::2])
        Account.objects.filter(pk__in=consumers).delete()
        while refreshing.refresh():
            pass
        person, client = auditor()
        newest = Finding.objects.order_by("-opened_at")[20].opened_at
        FindingVisit.objects.create(person=person, at=newest)
        one = Finding.objects.filter(rule="open-service").order_by("pk")[0]
        found = timed(
            client,
            {
                PLAIN: serve_plain(_plain, function="function", first="text", second="severity"),
                "by cause": "/findings/",
                "by rule": "/findings/?by=rule",
                "one by one": "/findings/?by=finding",
                "one cause": f"/findings/?rule={one.rule}&cause={one.cause}",
                "one finding": f"/findings/{one.pk}/",
            },
        )
        print(f"{Finding.objects.count():,} findings in {functions:,} functions")
        return found


def _plain() -> Any:
    from sharing.models import Finding

    rows = Finding.objects.filter(state="open", function__isnull=False).order_by("-opened_at", "id")
    return rows.select_related("function__account", "policy")


if __name__ == "__main__":
    sys.exit(compare("benchmarks.findings_page", measure))
