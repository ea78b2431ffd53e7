"""How long the list of findings takes beside a plain Django list view of the same size, and how that grows with the estate.

    python -m benchmarks.findings_page

Half of the consumers have no name here, so that most policies hold a finding. Claims: the number of queries is the same at
1,000 and at 10,000 functions with 1,000 accounts; the first byte within 3 times that of a plain list view over the same rows
(with their functions, counted, 50 a page, in the same frame); 10,000 functions take less than 1.5 times as long as 1,000.
Exit status 1 if one does not hold. Measured as time of this process, which holds the database (SQLite) too; the best of
several rounds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from benchmarks.estate import OWNERS, build, throwaway_database

SIZES = (1_000, 10_000)
ACCOUNTS = 1_000
ROUNDS = 30
WITHIN, GROWTH = 3.0, 1.5
PLAIN = """{% extends "base.html" %}{% load ui %}{% block content %}<table class="table"><tbody>{% for one in page %}
<tr><th scope="row">{% function_link one.function %}</th><td>{{ one.text }}</td><td>{{ one.severity }}</td></tr>
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
        from sharing.models import Account, Finding, FindingVisit, User
        from sharing.services.findings import refreshing

        consumers = list(Account.objects.order_by("number").values_list("pk", flat=True)[OWNERS::2])
        Account.objects.filter(pk__in=consumers).delete()
        while refreshing.refresh():
            pass
        settings.ALLOWED_HOSTS = ["*"]
        person = User.objects.create_user("bench@example.com", "a long password of a bench", role="auditor", every_account=True)
        newest = Finding.objects.order_by("-opened_at")[20].opened_at
        FindingVisit.objects.create(person=person, at=newest)
        client = Client()
        client.force_login(person)
        urls.urlpatterns.append(path("plain/", _plain, name="plain"))
        found = {}
        one = Finding.objects.filter(rule="open-service").order_by("pk")[0]
        pages = {
            "a plain list": "/plain/",
            "by cause": "/findings/",
            "by rule": "/findings/?by=rule",
            "one by one": "/findings/?by=finding",
            "one cause": f"/findings/?rule={one.rule}&cause={one.cause}",
            "one finding": f"/findings/{one.pk}/",
        }
        for name, address in pages.items():
            get = _getter(client, address)
            get()
            with CaptureQueriesContext(connection) as queries:
                get()
            found[name] = (len(queries), min(_took(get) for _ in range(ROUNDS)))
        print(f"{Finding.objects.count():,} findings in {functions:,} functions")
        return found


def _plain(request: Any) -> Any:
    """What any Django view over the same table does: count, one page with what it is joined to, the frame around it."""
    from django.http import HttpResponse
    from django.template import engines

    from sharing.models import Finding
    from sharing.views.paging import page_of

    rows = Finding.objects.filter(state="open", function__isnull=False).order_by("-opened_at", "id")
    page = page_of(rows.select_related("function__account", "policy"), request)
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
        command = [sys.executable, "-m", "benchmarks.findings_page", str(size)]
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            name, *numbers = line.split("\t")
            if not numbers:
                print(line)
                continue
            found.setdefault(name, []).append((int(numbers[0]), float(numbers[1])))
    broken = False
    print(f"{'':24}{'queries':>16}{'milliseconds':>20}{'beside plain':>16}{'growth':>10}")
    for name, measured in found.items():
        beside = max(took / found["a plain list"][place][1] for place, (_, took) in enumerate(measured))
        growth = measured[-1][1] / measured[0][1]
        same = measured[-1][0] == measured[0][0]
        kept = name == "a plain list" or (beside <= WITHIN and growth <= GROWTH and same)
        broken = broken or not kept
        queries_ = ", ".join(str(queries) for queries, _ in measured)
        took_ = ", ".join(f"{took:.1f}" for _, took in measured)
        note = "" if kept else "  NOT KEPT"
        print(f"{name:24}{queries_:>16}{took_:>20}{beside:>16.2f}{growth:>10.2f}{note}")
    print(f"targets: the same queries, within {WITHIN:g} times a plain list, growth under {GROWTH:g}")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
