"""How long the matrix and the map take beside a plain Django list view of the same size, and how that grows.

    python -m benchmarks.matrix_page

Claims, with 1,000 accounts: the number of queries is the same at 1,000 and at 10,000 functions (the map of one account asks
once or twice less when it is full sooner); the first byte within 3 times that of a plain list view over the same table (ways
in with their functions, counted, 50 a page, in the same frame); 10,000 functions take less than 1.5 times as long as 1,000.
Exit status 1 if one does not hold.
"""

from __future__ import annotations

import sys
import time

from benchmarks.beside import ACCOUNTS, PLAIN, Measured, auditor, compare, serve_plain, timed
from benchmarks.estate import OWNERS, account_number, build, plain_ways, throwaway_database


def measure(functions: int) -> Measured:
    """Queries and milliseconds by page, for one size."""
    with throwaway_database():
        build(functions, ACCOUNTS)
        from sharing.services import tallying

        began = time.process_time()
        accounts = tallying.count_due()
        counted = (time.process_time() - began) * 1000
        _, client = auditor()
        owner = account_number(0)
        matrix, map_ = "/access/matrix/", "/access/map/"
        found = timed(
            client,
            {
                PLAIN: serve_plain(plain_ways, function="policy.function", first="principal", second="public"),
                "accounts by accounts": matrix,
                "functions of an account": f"{matrix}?account={owner}",
                "its last page": f"{matrix}?account={owner}&page=1000000",
                "of them the unsafe": f"{matrix}?account={owner}&show=unsafe",
                "what one party gets": f"{matrix}?account={owner}&with=account:{account_number(OWNERS)}&through=1",
                "map of accounts": map_,
                "map of an account": f"{map_}?account={owner}",
            },
        )
        found["(counting an account)"] = (0, counted / accounts)
        return found


if __name__ == "__main__":
    sys.exit(compare("benchmarks.matrix_page", measure))
