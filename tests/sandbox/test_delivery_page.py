"""The page of deliveries: for people at this machine, without a key, and without anything that could run or leak."""

import re
from html import unescape
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from sharing.sandbox.delivery_page import SHOWN, DeliveryPage
from sharing.sandbox.errors import Reply
from sharing.sandbox.identity import Directory
from sharing.sandbox.journal import KEPT, Delivery, Journal, now
from sharing.sandbox.server import Sandbox

ACME, GLOBEX = "111122223333", "222233334444"
LABELS = "arn:aws:lambda:us-east-1:444455556666:function:label-uploads:live"


def delivery(source: str, account: str, *, delivered: bool = True, detail: str = "", function: str = LABELS) -> Delivery:
    return Delivery(now(), source, "s3.amazonaws.com", function, delivered, detail, account)


def asked(page: DeliveryPage, **environ: str) -> Reply | None:
    return page({"REQUEST_METHOD": "GET", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:4000", **environ})


def shown(page: DeliveryPage, **environ: str) -> tuple[str, Reply]:
    reply = asked(page, **environ)
    assert reply is not None
    assert reply.status == 200
    return reply.body.decode(), reply


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def page(journal: Journal) -> DeliveryPage:
    return DeliveryPage(journal, Directory(names={ACME: "Acme Retail", GLOBEX: "<script>Globex</script>"}))


def texts(html: str) -> list[list[str]]:
    """The words of each row of the counts."""
    body = html.split("<tbody>")[1].split("</tbody>")[0]
    return [
        [unescape(re.sub(r"<small>.*?</small>|<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in body.split("</tr>")[:-1]
    ]


def test_deliveries_are_counted_by_account_and_function_and_the_newest_listed(journal: Journal, page: DeliveryPage) -> None:
    assert "Nothing was delivered yet" in shown(page)[0]
    for number in range(SHOWN + 5):
        journal.record(delivery(f"arn:aws:s3:::acme-{number}-", ACME))
    journal.record(delivery("arn:aws:s3:::globex", GLOBEX, delivered=False, detail="The function's policy does not let it in."))
    html, _ = shown(page)
    assert texts(html) == [
        [f"Acme Retail {ACME}", "label-uploads:live", "205", "0"],
        [f"<script>Globex</script> {GLOBEX}", "label-uploads:live", "0", "1"],
    ]
    assert html.count("<li>") == SHOWN
    assert html.index("arn:aws:s3:::globex") < html.index("acme-204-")
    assert "acme-6-" in html
    assert "acme-5-" not in html
    assert "✕ Lost" in html
    assert "The function&#x27;s policy does not let it in." in html


def test_counts_go_on_when_old_deliveries_are_forgotten_and_begin_anew_with_the_journal(journal: Journal) -> None:
    one = delivery("arn:aws:s3:::a", ACME)
    for _ in range(KEPT + 1):
        journal.record(one)
    assert len(journal.deliveries) < KEPT
    assert journal.newest(1)[1] == {(ACME, LABELS): (KEPT + 1, 0)}
    journal.clear()
    assert journal.newest(1) == ([], {})


def test_hostile_names_are_text(journal: Journal, page: DeliveryPage) -> None:
    hostile = "\"><img src=x onerror=alert(1)><script>alert('x')</script>"
    journal.record(delivery(f"arn:aws:s3:::{hostile}", hostile, delivered=False, detail=hostile, function=f"{LABELS}{hostile}"))
    journal.record(Delivery(now(), "arn", hostile, "", False))
    html, reply = shown(page)
    assert "<img" not in html
    assert "<script" not in html
    policy = reply.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_it_refreshes_itself_until_it_is_held_still(page: DeliveryPage) -> None:
    html, live = shown(page)
    assert (live.headers["Refresh"], live.headers["Cache-Control"]) == ("2", "no-store")
    assert 'href="?still"' in html
    html, still = shown(page, QUERY_STRING="still")
    assert "Refresh" not in still.headers
    assert 'href="?"' in html


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "10.0.0.7"},
        {"REMOTE_ADDR": ""},
        {"HTTP_HOST": "attacker.example:4000"},
        {"HTTP_HOST": "localhost.attacker.example"},
        {"REQUEST_METHOD": "POST"},
    ],
    ids=["from elsewhere", "from nowhere", "by another name", "by a longer name", "to change something"],
)
def test_to_all_others_it_does_not_exist(page: DeliveryPage, environ: dict[str, str]) -> None:
    assert asked(page, **environ) is None
    for host in ("localhost:4000", "[::1]:4000", "127.0.0.1"):
        assert asked(page, HTTP_HOST=host) is not None


def test_a_sandbox_that_was_not_asked_to_show_it_has_no_such_page(sandbox: Sandbox) -> None:
    connection = HTTPConnection(urlsplit(sandbox.url).netloc, timeout=5)
    connection.request("GET", "/_sandbox/deliveries")
    assert connection.getresponse().status == 404
    connection.close()
