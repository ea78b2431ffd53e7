"""How long the Mappings page takes beside a plain Django list view of the same rows, and how that grows with the estate.

    python -m benchmarks.mappings_page

Claims: the number of queries is the same at 1,000 and at 10,000 functions, each with a queue. The time is told, not promised:
every row is made before the list is narrowed, ordered and cut into pages, so it grows with the estate.
"""

from __future__ import annotations

import sys

from benchmarks.beside import ACCOUNTS, PLAIN, Measured, auditor, compare, serve_plain, timed
from benchmarks.estate import OWNERS, account_number, build, throwaway_database


def measure(functions: int) -> Measured:
    """Queries and milliseconds by page, for one size."""
    with throwaway_database():
        build(functions, ACCOUNTS)
        from sharing.models import Function, Mapping

        theirs = account_number(OWNERS)
        Mapping.objects.bulk_create(
            (
                Mapping(
                    function=function,
                    source_arn=f"arn:aws:sqs:{function.region}:{theirs}:queue-{number}",
                    source_account=theirs,
                    state="Enabled",
                )
                for number, function in enumerate(Function.objects.order_by("name"))
            ),
            batch_size=500,
        )
        _, client = auditor()

        def plain() -> object:
            return Mapping.objects.present().select_related("function").order_by("function__name", "pk")

        return timed(
            client,
            {
                PLAIN: serve_plain(plain, function="function", first="source_arn", second="state"),
                "(mappings)": "/mappings/",
                "(mappings, narrowed)": "/mappings/?way=pull&q=queue-7",
            },
        )


if __name__ == "__main__":
    sys.exit(compare("benchmarks.mappings_page", measure))
