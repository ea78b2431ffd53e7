"""How long the matrix and the map take beside a plain Django list view of the same size, and how that grows.

    python -m benchmarks.matrix_page

Claims, with 1,000 accounts: the number of queries is the same at 1,000 and at 10,000 functions (the map of one account asks
once or twice less when it is full sooner); the first byte within 3 times that of a plain list view over the same table (ways
in with their functions, counted, 50 a page, in the same frame); 10,000 functions take less than 1.5 times as long as 1,000.
Exit status 1 if one does not hold. Measured as time of this process, which holds the database (SQLite) too; the best of
several rounds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from benchmarks.estate import OWNERS, account_number, build, throwaway_database

SIZES = (1_000, 10_000)
ACCOUNTS = 1_000
ROUNDS = 30
WITHIN, GROWTH = 3.0, 1.5
PLAIN = """{% extends "base.html" %}{% load ui %}{% block content %}<table class="table"><tbody>{% for one in page %}
<tr><th scope="row">{% function_link one.policy.function %}</th><td>{{ one.principal }}</td><td>{{ one.public }}</td></tr>
{% endfor %}</tbody></table>{% include "components/pagination.html" %}{% endblock %}"""

_templates: dict[str, Any] = {}


def measure(functions: int) -> dict[str, tuple[int, float]]:
    """Queries and milliseconds by page, for one size."""
    with throwaway_database():
        build(functions, ACCOUNTS)
        from django.conf import settings
        from django.db import connection
        from django.test import Client
        from django.test.utils import CaptureQueriesContext
        from django.urls import path

        from sharing import urls
        from sharing.models import User
        from sharing.services import tallying

        began = time.process_time()
        accounts = tallying.count_due()
        counted = (time.process_time() - began) * 1000
        settings.ALLOWED_HOSTS = ["*"]
        person = User.objects.create_user("bench@example.com", "a long password of a bench", role="auditor", every_account=True)
        client = Client()
        client.force_login(person)
        urls.urlpatterns.append(path("plain/", _plain, name="plain"))
        found: dict[str, tuple[int, float]] = {}
        for name, address in _addresses().items():
            get = _getter(client, address)
            get()
            with CaptureQueriesContext(connection) as queries:
                get()
            found[name] = (len(queries), min(_took(get) for _ in range(ROUNDS)))
        found["(counting an account)"] = (0, counted / accounts)
        return found


def _addresses() -> dict[str, str]:
    owner = account_number(0)
    matrix, map_ = "/access/matrix/", "/access/map/"
    return {
        "a plain list": "/plain/",
        "accounts by accounts": matrix,
        "functions of an account": f"{matrix}?account={owner}",
        "its last page": f"{matrix}?account={owner}&page=1000000",
        "of them the unsafe": f"{matrix}?account={owner}&show=unsafe",
        "what one party gets": f"{matrix}?account={owner}&with=account:{account_number(OWNERS)}&through=1",
        "map of accounts": map_,
        "map of an account": f"{map_}?account={owner}",
    }


def _plain(request: Any) -> Any:
    """What any Django view over the same table does: count, one page with what it is joined to, the frame around it."""
    from django.http import HttpResponse
    from django.template import engines

    from sharing.models import Exposure
    from sharing.views.paging import page_of

    ways = Exposure.objects.filter(policy__vanished_at=None).order_by("policy__function__name", "pk")
    page = page_of(ways.select_related("policy__function__account"), request)
    template = _templates.get("plain") or _templates.setdefault("plain", engines["django"].from_string(PLAIN))
    return HttpResponse(template.render({"page": page}, request))


def _getter(client: Any, address: str) -> Any:
    def get() -> None:
        assert client.get(address).status_code == 200, address

    return get


def _took(get: Any) -> float:
    began = time.process_time()
    get()
    return (time.process_time() - began) * 1000


def main() -> int:
    """Each size in a process of its own."""
    if len(sys.argv) > 1:
        for name, (queries, took) in measure(int(sys.argv[1])).items():
            print(f"{name}\t{queries}\t{took}")
        return 0
    found: dict[str, list[tuple[int, float]]] = {}
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.matrix_page", str(size)]
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            name, *numbers = line.split("\t")
            found.setdefault(name, []).append((int(numbers[0]), float(numbers[1])))
    broken = False
    print(f"{'':24}{'queries':>16}{'milliseconds':>20}{'beside plain':>16}{'growth':>10}")
    for name, measured in found.items():
        beside = max(took / found["a plain list"][place][1] for place, (_, took) in enumerate(measured))
        growth = measured[-1][1] / measured[0][1]
        more = measured[-1][0] - measured[0][0]
        kept = beside <= WITHIN and growth <= GROWTH and more <= 0
        promised = name != "a plain list" and not name.startswith("(")
        broken = broken or (promised and not kept)
        queries_ = ", ".join(str(queries) for queries, _ in measured)
        took_ = ", ".join(f"{took:.1f}" for _, took in measured)
        verdict = "  NOT KEPT" if promised and not kept else ""
        print(f"{name:24}{queries_:>16}{took_:>20}{beside:>16.2f}{growth:>10.2f}{verdict}")
    print(f"targets: the same queries, within {WITHIN:g} times a plain list, growth under {GROWTH:g}")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
