"""The page "Deliveries": what sources handed to functions, live, for whoever sits at this machine. It changes nothing.

Every name in it was chosen by somebody: all of it is escaped, and the page may load and run nothing.
"""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from ipaddress import ip_address
from typing import Any

from sharing.sandbox.errors import Reply
from sharing.sandbox.identity import Directory
from sharing.sandbox.journal import Delivery, Journal, Way, now

SHOWN = 200
REFRESH_SECONDS = 2

#: By the first label of the service's principal.
_SOURCES = {"s3": "Bucket", "sns": "Topic", "sqs": "Queue", "events": "Rule", "lambda": "Alarm"}

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#e5e5e5, #3a3a3a); --quiet: light-dark(#5a5a5a, #b0b0b0);
  --ok: light-dark(#166534, #6ee7a0); --bad: light-dark(#b91c1c, #ff9d94); --link: light-dark(#0f766e, #4fd1c1);
  --wash-ok: light-dark(#ecfdf3, #14301f); --wash-bad: light-dark(#fef2f2, #3b1714); --card: light-dark(#fff, #1f1f1f); }
* { box-sizing: border-box; }
body { margin: 0; background: light-dark(#f6f6f5, #171717); color: light-dark(#1f1f1f, #e8e8e8);
  font: 0.875rem/1.45 Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.5rem; letter-spacing: -0.01em; margin: 0; }
h2 { font-size: 1rem; margin: 0; padding: 0.75rem 1rem; border-bottom: 1px solid var(--line); }
p { margin: 0.25rem 0; }
a { color: var(--link); text-underline-offset: 0.15em; }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
code { font: 0.8125rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.top { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; align-items: baseline; justify-content: space-between; }
.quiet { color: var(--quiet); }
section { margin-top: 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.empty { padding: 1.5rem 1rem; text-align: center; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: 0.5rem 1rem; border-top: 1px solid var(--line); font-weight: 400; }
thead th { border-top: 0; color: var(--quiet); font-size: 0.75rem; white-space: nowrap; overflow-wrap: normal; }
tbody th { font-weight: 600; }
td small, th small { display: block; color: var(--quiet); font-size: 0.8125rem; font-weight: 400; }
.number { text-align: right; font-variant-numeric: tabular-nums; width: 6rem; }
ol { list-style: none; margin: 0; padding: 0; }
li { display: grid; grid-template-columns: 5.5rem 8rem minmax(0, 1fr) minmax(0, 1fr); gap: 0.25rem 1rem; padding: 0.5rem 1rem;
  border-top: 1px solid var(--line); }
li:first-child { border-top: 0; }
li time { color: var(--quiet); font-variant-numeric: tabular-nums; }
li small { display: block; color: var(--quiet); font-size: 0.8125rem; }
.why { grid-column: 3 / -1; margin: 0; color: var(--bad); }
.state { justify-self: start; align-self: start; padding: 0 0.5rem; border-radius: 4px; font-weight: 600; white-space: nowrap; }
.ok { color: var(--ok); background: var(--wash-ok); }
.bad { color: var(--bad); background: var(--wash-bad); }
@media (max-width: 44rem) {
  li { grid-template-columns: minmax(0, 1fr) auto; }
  li > div, .why { grid-column: 1 / -1; }
  th, td { padding: 0.5rem; }
  .number { width: 4rem; }
}
"""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class DeliveryPage:
    """Answers a request from this machine that asks by a name of this machine; None to all others."""

    def __init__(self, journal: Journal, directory: Directory) -> None:
        self.journal = journal
        self.directory = directory

    def __call__(self, environ: dict[str, Any]) -> Reply | None:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not _from_here(environ):
            return None
        still = environ.get("QUERY_STRING", "") == "still"
        headers = dict(_HEADERS) if still else {**_HEADERS, "Refresh": str(REFRESH_SECONDS)}
        newest, ways = self.journal.newest(SHOWN)
        body = "" if environ["REQUEST_METHOD"] == "HEAD" else self._page(newest, ways, still=still)
        return Reply(200, body.encode(), "text/html; charset=utf-8", headers)

    def _page(self, newest: list[Delivery], ways: dict[Way, tuple[int, int]], *, still: bool) -> str:
        moment = f"{now():%H:%M:%S} UTC"
        follow = (
            f'As of {moment}. <a href="?">Follow live</a>'
            if still
            else f'{moment}, looked at again every {REFRESH_SECONDS} seconds. <a href="?still">Hold still</a>'
        )
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Deliveries of the demo</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
            f"<style>{_STYLE}</style></head><body><main>"
            f'<div class="top"><h1>Deliveries of the demo</h1><p class="quiet">{follow}</p></div>'
            '<p class="quiet">What buckets, topics, queues, rules and alarms of every account handed to functions, or could '
            "not. The sandbox AWS of the demo says so, not fnshare: in AWS nobody sees it all in one place.</p>"
            f"{self._counts(ways)}{self._list(newest)}</main></body></html>"
        )

    def _counts(self, ways: dict[Way, tuple[int, int]]) -> str:
        if not ways:
            return ""
        rows = "".join(
            f'<tr><th scope="row">{self._account(account)}</th><td>{_function(arn)}</td>'
            f'<td class="number">{delivered:,}</td><td class="number{" bad" if lost else ""}">{lost:,}</td></tr>'
            for (account, arn), (delivered, lost) in sorted(ways.items())
        )
        return (
            '<section aria-labelledby="counts"><h2 id="counts">By account and function</h2><table><thead><tr>'
            '<th scope="col">Account of the source</th><th scope="col">Function</th>'
            '<th scope="col" class="number">Delivered</th><th scope="col" class="number">Lost</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></section>"
        )

    def _list(self, newest: list[Delivery]) -> str:
        title = f"The newest {SHOWN}" if len(newest) == SHOWN else "Newest first"
        inside = f"<ol>{''.join(self._rows(newest))}</ol>"
        if not newest:
            inside = (
                '<p class="empty quiet">Nothing was delivered yet. Wire a source to a function in fnshare, then upload an '
                "object, publish or send: <code>make demo</code> prints the commands.</p>"
            )
        return f'<section aria-labelledby="newest"><h2 id="newest">{title}</h2>{inside}</section>'

    def _rows(self, newest: list[Delivery]) -> Iterable[str]:
        for one in newest:
            kind = _SOURCES.get(one.service.split(".")[0], one.service)
            state = ("ok", "✓ Delivered") if one.delivered else ("bad", "✕ Lost")
            why = f'<p class="why">{escape(one.detail)}</p>' if one.detail else ""
            yield (
                f'<li><time datetime="{one.at.isoformat()}">{one.at:%H:%M:%S}</time>'
                f'<span class="state {state[0]}">{state[1]}</span>'
                f"<div>{escape(kind)} <code>{escape(one.source_arn)}</code>"
                f"<small>of {self._account(one.source_account)}</small></div><div>{_function(one.function_arn)}</div>{why}</li>"
            )

    def _account(self, number: str) -> str:
        name = self.directory.names.get(number, "")
        digits = f"<code>{escape(number)}</code>" if number else "an account nobody knows"
        return f"{escape(name)} {digits}" if name else digits


def _function(arn: str) -> str:
    """A function's name (and alias) with the ARN below it."""
    name = ":".join(arn.split(":")[6:]) or arn
    return f"{escape(name)}<small><code>{escape(arn)}</code></small>"


def _from_here(environ: dict[str, Any]) -> bool:
    """Whether the request came over the loopback, and to one of its names: a page of a stranger's name reads nothing."""
    try:
        near = ip_address(str(environ.get("REMOTE_ADDR", ""))).is_loopback
    except ValueError:
        return False
    host = str(environ.get("HTTP_HOST", "")).rpartition(":")[0] or str(environ.get("HTTP_HOST", ""))
    return near and host.strip("[]") in ("127.0.0.1", "localhost", "::1")
