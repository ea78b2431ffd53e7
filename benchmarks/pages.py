"""Every page at size: its queries, its time beside plain Django, and its slowest requests with eight people at once.

    python -m benchmarks.pages --scale 0.1                       # makes the installation first (benchmarks.large)
    python -m benchmarks.pages --database sqlite:////tmp/large.sqlite3

Promises, for each page: as many queries as in an installation of 100 functions; the server's time within three times that of
a plain Django view that sends the same bytes, and within three times that of a plain list of functions (counted, one page of
them, in the same frame); the 95th percentile with eight people at once within three times that of the first plain view with
eight people; and quicker than the list that Django's admin makes of the same rows.

"The same bytes" are the page's own, kept in a file and sent by a view through the same middleware (session, person, policy
of contents): it asks the database for nothing else and renders nothing, so it is what no Django view can be quicker than.
The server's time is that of the process, the best of several, the database in it when it is SQLite. The eight are threads of
this process that ask gunicorn (two processes of four threads, as the product runs). Exit status 1 and a list of what was
missed where a promise is not kept.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from benchmarks.compared import FOLDER
from benchmarks.large import build, prepare
from benchmarks.large_policies import Size, consumer_number, owner_number

ROUNDS, SOME = 7, 1.5  # rounds of a page; seconds after which one page has had enough of them
PEOPLE, REQUESTS = 8, 40
WITHIN = 3.0
SMALL = Size(functions=100, owners=4, consumers=20, statements=700, biggest=30)
SETTINGS = "benchmarks.at_size"


def addresses() -> dict[str, tuple[str, str]]:
    """By a page's name: its address, and that of the admin's list of the same rows ("": there is none)."""
    from django.db.models import Count

    from sharing.models import Account, Finding, Function, Policy

    owner, consumer = owner_number(0), consumer_number(0)
    full = Policy.objects.filter(qualifier="", current__isnull=False).order_by("-size", "pk")[0].function_id
    usual = Policy.objects.filter(qualifier="", current__isnull=False, size__lt=2_000, function__urls={}).order_by("pk")[0]
    arn = Function.objects.get(pk=full).arn
    finding = Finding.objects.filter(state="open", rule="open-service").order_by("pk").first()
    cause = Finding.objects.filter(state="open").values("rule", "cause").annotate(n=Count("pk")).order_by("-n", "rule")[0]
    account = Account.objects.get(number=owner).pk
    function, admin = f"/functions/{full}/", "/admin/sharing"
    return {
        "overview": ("/", ""),
        "functions": ("/functions/", f"{admin}/function/"),
        "functions, public": ("/functions/?exposure=public", ""),
        "functions, searched": ("/functions/?q=orders", f"{admin}/function/?q=orders"),
        "functions, last page": ("/functions/?page=100000", ""),
        "a function": (f"/functions/{usual.function_id}/", ""),
        "a function, 90 statements": (function, ""),
        "its policy": (f"{function}policy/", ""),
        "its history": (f"{function}history/", ""),
        "its checks": (f"{function}checks/", ""),
        "what wakes it": (f"{function}wakes/", ""),
        "who: a function": (f"/access/?q={arn}", f"{admin}/exposure/"),
        "who: an account": (f"/access/?q={consumer}", f"{admin}/exposure/"),
        "who: everyone": ("/access/?q=everyone", f"{admin}/exposure/"),
        "matrix": ("/access/matrix/", f"{admin}/tally/"),
        "matrix of an account": (f"/access/matrix/?account={owner}", f"{admin}/exposure/"),
        "map": ("/access/map/", ""),
        "map of an account": (f"/access/map/?account={owner}", ""),
        "findings": ("/findings/", f"{admin}/finding/"),
        "findings by rule": ("/findings/?by=rule", f"{admin}/finding/"),
        "findings one by one": ("/findings/?by=finding", f"{admin}/finding/"),
        "findings of a cause": (f"/findings/?rule={cause['rule']}&cause={cause['cause']}", f"{admin}/finding/"),
        "findings over time": ("/findings/over-time/", ""),
        **({"a finding": (f"/findings/{finding.pk}/", "")} if finding else {}),
        "activity": ("/activity/", f"{admin}/event/"),
        "activity of shares": ("/activity/?kind=grant", f"{admin}/event/"),
        "mappings": ("/mappings/", f"{admin}/mapping/"),
        "mappings with problems": ("/mappings/?problem=any", f"{admin}/mapping/"),
        "mappings, searched": ("/mappings/?q=queue-5", f"{admin}/mapping/"),
        "consumers": ("/consumers/", f"{admin}/account/"),
        "consumers, searched": ("/consumers/?q=consumer+1", f"{admin}/account/?q=consumer"),
        "a consumer": (f"/consumers/{consumer}/", ""),
        "invitations": ("/consumers/invitations/", ""),
        "requests": ("/consumers/requests/", ""),
        "layers": ("/layers/", ""),
        "accounts": ("/settings/accounts/", f"{admin}/account/"),
        "an account": (f"/settings/accounts/{account}/", ""),
        "story of an account": (f"/accounts/{consumer}/", ""),
        "coverage": ("/settings/coverage/", f"{admin}/sync/"),
        "trust list": ("/settings/trust/", ""),
        "people": ("/settings/people/", ""),
        "search": ("/search/?q=orders-1", f"{admin}/function/?q=orders-1"),
        "search for digits": (f"/search/?q={consumer[:9]}", f"{admin}/account/?q={consumer[:9]}"),
        "search, nothing found": ("/search/?q=no+such+thing", f"{admin}/function/?q=nosuchthing"),
    }


def person() -> Any:
    """A client signed in as somebody who sees everything."""
    from django.test import Client

    from sharing.models import User

    email = "pages@example.com"
    who = User.objects.filter(email=email).first() or User.objects.create_user(
        email, "a long password of a bench", role="admin", every_account=True
    )
    client = Client()
    client.force_login(who)
    return client


def measure(database: str, only: str, *, small: bool) -> dict[str, Any]:
    """Queries of every page, and unless the installation is only built to count them: milliseconds beside plain Django."""
    prepare(database, SETTINGS)
    from django.conf import settings
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from benchmarks.compared import keep, serve
    from sharing.models import Account

    if small and not Account.objects.exists():
        build(SMALL)
    serve()
    client = person()
    found: dict[str, Any] = {}
    for name, (address, admin) in addresses().items():
        if only not in name:
            continue
        response = client.get(address)
        if response.status_code != 200:
            raise SystemExit(f"{name}: {address} answers {response.status_code}")
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        one: dict[str, Any] = {"queries": len(queries), "address": address}
        if not small:
            key = "".join(letter if letter.isalnum() else "-" for letter in name)
            keep(key, response.content)
            one |= {"bytes": len(response.content), "key": key}
            one["page"], one["plain"], one["list"] = (
                best(client, asked) for asked in (address, f"/plain/{key}", "/plain-list/")
            )
            one["admin"] = best(client, admin) if admin else 0
        found[name] = one
    if not found:
        raise SystemExit(f"No page has {only!r} in its name.")
    return {"pages": found, "session": client.cookies[settings.SESSION_COOKIE_NAME].value}


def best(client: Any, address: str) -> float:
    """The least milliseconds of the process among some rounds."""
    took: list[float] = []
    ends = time.monotonic() + SOME
    while len(took) < 2 or (len(took) < ROUNDS and time.monotonic() < ends):
        began = time.process_time()
        response = client.get(address)
        took.append((time.process_time() - began) * 1000)
        assert response.status_code == 200, address
    return min(took)


@contextmanager
def gunicorn(database: str) -> Iterator[int]:
    """The pages as the product serves them; the port."""
    from sharing.running import ports

    port = ports.free()
    environment = os.environ | {"DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": SETTINGS}
    options = ["--worker-class=gthread", "--workers=2", "--threads=4", "--no-control-socket", f"--bind=127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", "benchmarks.compared", "--log-level=error", *options]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 60
        while True:
            try:
                ask(port, "/login/", "")
                break
            except OSError:
                if time.monotonic() > ends or server.poll() is not None:
                    raise
                time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def ask(port: int, address: str, session: str) -> int:
    """One request by a connection of its own; its status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", address, headers={"Cookie": f"sessionid={session}", "Host": "localhost"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def crowd(port: int, address: str, session: str) -> float:
    """Milliseconds at the 95th percentile, with eight people at once."""

    def one(_place: int) -> float:
        began = time.monotonic()
        assert ask(port, address, session) == 200, address
        return (time.monotonic() - began) * 1000

    with ThreadPoolExecutor(PEOPLE) as people:
        list(people.map(one, range(PEOPLE)))
        took = sorted(people.map(one, range(REQUESTS)))
    return took[int(len(took) * 0.95)]


def judge(name: str, one: dict[str, Any], before: int) -> list[str]:
    """The promises that a page misses, in words."""
    missed = []
    if one["queries"] > before:
        missed.append(f"{name}: {one['queries']} queries, {before} at 100 functions")
    if one["page"] > WITHIN * one["plain"]:
        missed.append(f"{name}: {one['page'] / one['plain']:.1f} times the plain view of the same bytes")
    if one["page"] > WITHIN * one["list"]:
        missed.append(f"{name}: {one['page'] / one['list']:.1f} times a plain list")
    if "crowd" in one and one["crowd"] > WITHIN * one["crowd_plain"]:
        missed.append(f"{name}: {one['crowd'] / one['crowd_plain']:.1f} times the plain view's 95th percentile with eight")
    if one["admin"] and one["page"] > one["admin"]:
        missed.append(f"{name}: {one['page'] / one['admin']:.1f} times Django admin's list")
    return missed


def report(pages: dict[str, Any], small: dict[str, Any]) -> int:
    """Print the table and what was missed; the exit status."""
    missed: list[str] = []
    heads = (("queries", 10), ("KB", 7), ("ms", 8), ("of bytes", 10), ("of list", 9), ("of admin", 10), ("p95 of 8", 10))
    print(" " * 26 + "".join(f"{head:>{wide}}" for head, wide in (*heads, ("of bytes", 10))))
    for name, one in pages.items():
        before = small[name]["queries"] if name in small else one["queries"]
        beside = f"{one['page'] / one['admin']:.2f}" if one["admin"] else ""
        eight = f"{one['crowd']:>10.0f}{one['crowd'] / one['crowd_plain']:>10.1f}" if "crowd" in one else ""
        print(
            f"{name:26}{before:>5}{one['queries']:>5}{one['bytes'] / 1000:>7.0f}{one['page']:>8.1f}"
            f"{one['page'] / one['plain']:>10.1f}{one['page'] / one['list']:>9.1f}{beside:>10}{eight}"
        )
        missed += judge(name, one, before)
    print(f"\n{len(missed)} promises of {len(pages)} pages missed" if missed else "\nevery promise kept")
    for line in missed:
        print(f"  {line}")
    return int(bool(missed))


def inner(*options: str) -> dict[str, Any]:
    """This module once more, in a process of its own: what it found. Its log is shown only where it failed."""
    command = [sys.executable, "-m", "benchmarks.pages", *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure and print; exit status 1 when a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", metavar="URL", help="made by benchmarks.large; without it one is made")
    parser.add_argument("--scale", type=float, default=0.1, help="of the one that is made: 1 is 30,000 functions")
    parser.add_argument("--only", default="", help="pages with this in their name")
    parser.add_argument("--alone", action="store_true", help="without the eight people")
    parser.add_argument("--inner", choices=("small", "large"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inner:
        print(json.dumps(measure(options.database, options.only, small=options.inner == "small")))
        return 0
    with tempfile.TemporaryDirectory(prefix="pages") as folder:
        os.environ |= {FOLDER: folder, "SECRET_KEY": secrets.token_urlsafe(48)}
        database = options.database or f"sqlite:///{folder}/large.sqlite3"
        if not options.database:
            making = [sys.executable, "-m", "benchmarks.large", "--database", database, "--scale", str(options.scale)]
            subprocess.run(making, check=True)
        small = inner("--inner=small", f"--database=sqlite:///{folder}/small.sqlite3", f"--only={options.only}")["pages"]
        found = inner("--inner=large", f"--database={database}", f"--only={options.only}")
        if not options.alone:
            with gunicorn(database) as port:
                for one in found["pages"].values():
                    one["crowd"] = crowd(port, one["address"], found["session"])
                    one["crowd_plain"] = crowd(port, f"/plain/{one['key']}", found["session"])
        return report(found["pages"], small)


if __name__ == "__main__":
    sys.exit(main())
