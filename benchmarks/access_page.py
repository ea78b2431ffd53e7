"""How long the Access pages take beside a plain Django list view of the same size, and how that grows with the estate.

    python -m benchmarks.access_page

Claims: the number of queries is the same at 1,000 and at 10,000 functions with 1,000 accounts (one more where one more way in
is found); the first byte within 3 times that of a plain list view of the same rows (ways in with their functions, counted,
50 a page, in the same frame); 10,000 functions take less than 1.5 times as long as 1,000. Exit status 1 if one does not hold.
"""

from __future__ import annotations

import sys

from benchmarks.beside import ACCOUNTS, PLAIN, Measured, auditor, compare, serve_plain, timed
from benchmarks.estate import OWNERS, account_number, build, plain_ways, throwaway_database


def measure(functions: int) -> Measured:
    """Queries and milliseconds by page, for one size."""
    with throwaway_database():
        build(functions, ACCOUNTS)
        from sharing.models import Function

        _, client = auditor()
        # Any with a policy that was read: the same share of the estate at every size.
        function = Function.objects.order_by("name")[7]
        return timed(
            client,
            {
                PLAIN: serve_plain(plain_ways, function="policy.function", first="principal", second="public"),
                "about a function": f"/access/?q={function.arn}",
                # The first consumer has the most ways in: its page is full at every size.
                "about an account": f"/access/?q={account_number(OWNERS)}",
                "about everyone": "/access/?q=everyone",
                "everyone, all of them": "/access/?q=everyone&how=everyone",
            },
        )


if __name__ == "__main__":
    sys.exit(compare("benchmarks.access_page", measure, more_queries=1))
