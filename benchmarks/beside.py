"""Pages beside a plain Django list view of the same rows, at two sizes: what the benchmarks of pages share.

Each size runs in a process of its own, on a throwaway SQLite database. Measured is the time of that process, which holds
the database too; the best of several rounds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

SIZES = (1_000, 10_000)
ACCOUNTS = 1_000
ROUNDS = 30
WITHIN, GROWTH = 3.0, 1.5
PLAIN = "a plain list"
_PAGE = """{% extends "base.html" %}{% load ui %}{% block content %}<table class="table"><tbody>{% for one in page %}
<tr><th scope="row">{% function_link one.CELL %}</th><td>{{ one.FIRST }}</td><td>{{ one.SECOND }}</td></tr>
{% endfor %}</tbody></table>{% include "components/pagination.html" %}{% endblock %}"""

#: Queries and milliseconds by page.
Measured = dict[str, tuple[int, float]]


def auditor() -> tuple[Any, Any]:
    """A person who sees everything, and a client that is signed in as them."""
    from django.conf import settings
    from django.test import Client

    from sharing.models import User

    settings.ALLOWED_HOSTS = ["*"]
    person = User.objects.create_user("bench@example.com", "a long password of a bench", role="auditor", every_account=True)
    client = Client()
    client.force_login(person)
    return person, client


def serve_plain(rows: Callable[[], Any], *, function: str, first: str, second: str) -> str:
    """Add a view as any Django list is made: count, one page with what it is joined to, the frame around it. Its address.

    rows: the ordered QuerySet. function: where a row has its function. first, second: the fields of the other columns.
    """
    from django.http import HttpResponse
    from django.template import engines
    from django.urls import path

    from sharing import urls
    from sharing.views.paging import page_of

    text = _PAGE.replace("CELL", function).replace("FIRST", first).replace("SECOND", second)
    template = engines["django"].from_string(text)

    def plain(request: Any) -> Any:
        return HttpResponse(template.render({"page": page_of(rows(), request)}, request))

    urls.urlpatterns.append(path("plain/", plain, name="plain"))
    return "/plain/"


def timed(client: Any, pages: Mapping[str, str]) -> Measured:
    """Ask for each address; `pages` gives them by name."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    found: Measured = {}
    for name, address in pages.items():
        took = [_took(client, address) for _ in range(2)]
        with CaptureQueriesContext(connection) as queries:
            _took(client, address)
        asked = len(queries)  # before the next request empties the log
        took += [_took(client, address) for _ in range(ROUNDS)]
        found[name] = (asked, min(took))
    return found


def _took(client: Any, address: str) -> float:
    began = time.process_time()
    assert client.get(address).status_code == 200, address
    return (time.process_time() - began) * 1000


def compare(module: str, measure: Callable[[int], Measured], *, more_queries: int = 0) -> int:
    """Run `measure` for each size and print how the pages do; the exit status, 1 if a promise is not kept.

    more_queries: how many more a page may ask at the larger size. Names in parentheses are told, not promised.
    """
    if len(sys.argv) > 1:
        for name, (queries, took) in measure(int(sys.argv[1])).items():
            print(f"{name}\t{queries}\t{took}")
        return 0
    found: dict[str, list[tuple[int, float]]] = {}
    for size in SIZES:
        done = subprocess.run([sys.executable, "-m", module, str(size)], check=True, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            name, *numbers = line.split("\t")
            if numbers:
                found.setdefault(name, []).append((int(numbers[0]), float(numbers[1])))
            else:
                print(line)
    broken = False
    print(f"{'':24}{'queries':>16}{'milliseconds':>20}{'beside plain':>16}{'growth':>10}")
    for name, measured in found.items():
        beside = max(took / found[PLAIN][place][1] for place, (_, took) in enumerate(measured))
        growth = measured[-1][1] / measured[0][1]
        kept = beside <= WITHIN and growth <= GROWTH and measured[-1][0] - measured[0][0] <= more_queries
        missed = not kept and name != PLAIN and not name.startswith("(")
        broken = broken or missed
        queries_ = ", ".join(str(queries) for queries, _ in measured)
        took_ = ", ".join(f"{took:.1f}" for _, took in measured)
        print(f"{name:24}{queries_:>16}{took_:>20}{beside:>16.2f}{growth:>10.2f}{'  NOT KEPT' if missed else ''}")
    print(f"targets: the same queries, within {WITHIN:g} times a plain list, growth under {GROWTH:g}")
    return int(broken)
