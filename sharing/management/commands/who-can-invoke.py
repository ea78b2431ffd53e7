"""Who can invoke a function, or all of them: by the policies as last read, or at a moment in the past."""

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

from sharing.models import Actor, Function, Mapping, Policy
from sharing.services import access, gaps
from sharing.services.access import exporting
from sharing.services.access.invoking_then import Then, who_could_invoke
from sharing.services.errors import Refusal

from ._output import Outcome, Problem, ShareCommand, when

_COLUMNS = (
    "function_arn", "name", "account", "region", "as_of", "qualifier", "who", "principal", "kind", "principal_account",
    "actions", "public", "open_service", "external", "depends_on", "conditions", "latent", "sids", "certainty", "note",
)  # fmt: skip


class Command(ShareCommand):
    """`manage.py who-can-invoke`."""

    help = (
        "List whom the policies let invoke each function, alias and version, by API or by URL, as last read or as of a "
        "moment in the past, and what was not looked at. One item per function: function_arn, name, account, region, "
        "as_of, certainty (known, changed between two reads, or unread), public and open_services (how many of its ways "
        "in are so, for certain or perhaps), who [{qualifier, principal, name, kind, account, actions, public, external, "
        "open_service, depends_on, conditions, latent, sids, stale, certainty}], polled [{qualifier, source_arn, "
        "source_account, state}] (event source mappings, null for the past), unread [{qualifier, reason}], not_looked_at. "
        "With --fail-on-open the exit status is 1 (error code `open`) when anything that was asked about is public or "
        "open to any account through a service, for certain or perhaps, or is unread: a policy, versions that were never "
        "read, a region that should be read and is not."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        """FUNCTION_ARN, or all functions in scope."""
        parser.add_argument(
            "function_arn",
            metavar="FUNCTION_ARN",
            nargs="?",
            default=None,
            help="full ARN; with an alias or version only that one (default: every function)",
        )
        parser.add_argument(
            "--as-of",
            metavar="WHEN",
            default="",
            help="a day (its end in UTC) or a date and time, such as 2026-11-05 or 2026-11-05T18:00+01:00 (default: now)",
        )
        parser.add_argument("--csv", action="store_true", help="print CSV, coverage first")
        parser.add_argument("--fail-on-open", action="store_true", help="exit 1 unless nothing is open, perhaps open or unread")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Read rows; AWS is not asked."""
        if options["csv"] and options["json"]:
            raise Refusal("--csv and --json are two forms of the same.", next="Give one of them.", code="usage")
        try:
            at = access.moment(options["as_of"], by=actor, zone=UTC).at
        except Refusal as refusal:
            code = "usage" if refusal.code == "invalid" else refusal.code
            raise Refusal(refusal.message, next=refusal.next, code=code) from None
        arn, lacking = options["function_arn"] or "", False
        if options["function_arn"] is not None and not arn.strip():
            # A variable of a script that is empty asks about one function that it cannot name, never about all of them.
            raise Refusal(
                "The function that is asked about is empty.", next="Give its full ARN, or none to ask about all.", code="usage"
            )
        if at is None:
            answer = access.who_can_invoke(by=actor, function_arn=arn)
            ways, unread, mappings = answer.by_function, answer.unread_by_function, answer.mappings_by_function
            items = [
                _item(
                    function,
                    ways.get(function.pk, ()),
                    unread.get(function.pk, ()),
                    mappings.get(function.pk, ()),
                    coverage=answer.coverage,
                    whole=arn.count(":") < 7,
                )
                for function in answer.functions
            ]
            coverage, lacking = answer.coverage, answer.gaps
        else:
            found, coverage = who_could_invoke(by=actor, at=at, function_arn=arn)
            items = [_item_then(one, at.isoformat(), coverage) for one in found]
        problem = _open(items, lacking) if options["fail_on_open"] else None
        if options["csv"]:
            return Outcome([], _csv(items, coverage if at else (*gaps.summary(actor), *coverage)), problem)
        lines = [line for item in items for line in _lines(item)]
        if not items:
            lines.append("No function is known here." if at is None else "No function was known here then.")
        public, open_services = (sum(item[key] > 0 for item in items) for key in ("public", "open_services"))
        lines += ["", f"Functions: {len(items)}, public: {public}, open to a service of any account: {open_services}."]
        lines += coverage
        return Outcome(items, lines, problem)


def _open(items: Sequence[dict[str, Any]], lacking: bool) -> Problem | None:
    """Why a pipeline should stop; None when everything is known and nothing is open."""
    found = [
        (sum(item["public"] > 0 for item in items), "public or perhaps public"),
        (sum(item["open_services"] > 0 for item in items), "open to any account through a service, or perhaps"),
        (sum(item["certainty"] != "known" or bool(item["unread"]) for item in items), "unread or not known for certain"),
    ]
    said = [f"{count} {words}" for count, words in found if count]
    if lacking:
        said.append("and what should be read was not read completely")
    if not said and items:
        return None
    message = f"Functions: {', '.join(said)}." if said else "No function is known: that is not the same as none being open."
    return Problem("open", message, "Look at them on the Access page, or sync what is unread.")


def _csv(items: Sequence[dict[str, Any]], coverage: Sequence[str]) -> list[str]:
    rows = (row for item in items for row in _rows(item))
    pieces = exporting.csv_text(coverage, _COLUMNS, rows)
    next(pieces)  # the byte order mark, which a shell has no use for
    return [piece.rstrip("\r\n") for piece in pieces]


def _rows(item: dict[str, Any]) -> Iterable[tuple[object, ...]]:
    place = (item["function_arn"], item["name"], item["account"], item["region"], item["as_of"] or "")
    for way in item["who"]:
        yield (
            *place, way["qualifier"], way["name"], way["principal"], way["kind"], way["account"], ", ".join(way["actions"]),
            way["public"], way["open_service"], way["external"], "; ".join(way["depends_on"]), " and ".join(way["conditions"]),
            way["latent"], ", ".join(way["sids"]), way["certainty"], way["stale"] or "",
        )  # fmt: skip
    for one in item["unread"]:
        yield (*place, one["qualifier"], "unread", *[""] * 11, "unread", one["reason"])


def _item_then(then: Then, as_of: str, coverage: Sequence[str]) -> dict[str, Any]:
    function = then.function
    return {
        "function_arn": function.arn,
        "name": function.name,
        "account": function.account.number,
        "region": function.region,
        "as_of": as_of,
        "certainty": then.certainty.value,
        "public": sum(line.public != "no" for line in then.lines),
        "open_services": sum(line.open_service != "no" for line in then.lines),
        "who": [_line(line) for line in then.lines],
        "polled": None,
        "unread": [
            {"qualifier": one.policy.qualifier, "reason": one.note}
            for one in then.contents
            if one.certainty is not access.Certainty.KNOWN
        ],
        "not_looked_at": list(coverage),
    }


def _line(line: access.Line) -> dict[str, Any]:
    return {
        "qualifier": line.policy.qualifier,
        "principal": line.principal,
        "name": line.who,
        "kind": line.kind,
        "account": line.account,
        "actions": list(line.actions),
        "public": line.public,
        "external": line.external,
        "open_service": line.open_service,
        "depends_on": list(line.depends_on),
        "conditions": list(line.conditions),
        "latent": line.latent,
        "sids": [one.name for one in line.statements],
        "stale": line.stale or None,
        "certainty": line.certainty.value,
    }


def _item(
    function: Function,
    ways: Sequence[access.Way],
    unread: Sequence[Policy],
    mappings: Sequence[Mapping],
    *,
    coverage: Sequence[str],
    whole: bool,
) -> dict[str, Any]:
    """`whole`: with all its versions, so that certainty needs them read."""
    return {
        "function_arn": function.arn,
        "name": function.name,
        "account": function.account.number,
        "region": function.region,
        "as_of": None,
        "certainty": "unread" if unread or (whole and function.details_read_at is None) else "known",
        "public": sum(way.exposure.public != "no" for way in ways),
        "open_services": sum(way.exposure.open_service != "no" for way in ways),
        "who": [_way(way) for way in ways],
        "polled": [
            {
                "qualifier": one.qualifier,
                "source_arn": one.source_arn,
                "source_account": one.source_account,
                "state": one.state,
            }
            for one in mappings
        ],
        "unread": [
            {"qualifier": policy.qualifier, "reason": policy.unread_reason or "It has not been read yet."} for policy in unread
        ],
        "not_looked_at": list(coverage),
    }


def _way(way: access.Way) -> dict[str, Any]:
    row = way.exposure
    return {
        "qualifier": way.policy.qualifier,
        "principal": row.principal,
        "name": way.label,
        "kind": row.kind,
        "account": row.account,
        "actions": row.actions,
        "public": row.public,
        "external": row.external,
        "open_service": row.open_service,
        "depends_on": row.details.get("depends_on", []),
        "conditions": row.details.get("narrowing", []),
        "latent": row.details.get("latent", ""),
        "sids": list(way.sids),
        "stale": way.policy.unread_since,
        "certainty": "unread" if way.policy.unread_since or way.policy.reading == "unread" else "known",
    }


def _lines(item: dict[str, Any]) -> Iterable[str]:
    yield f"{item['name']} ({item['account']} {item['region']})"
    for way in item["who"]:
        place = f":{way['qualifier']}" if way["qualifier"] else ""
        marks = [words for words, on in _marks(way) if on]
        said = f" [{', '.join(marks)}]" if marks else ""
        limits = f" if {' and '.join(way['conditions'])}" if way["conditions"] else ""
        yield f"  {item['name']}{place}  {way['name']} ({way['principal']}) by {', '.join(way['sids'])}{limits}{said}"
    for one in item["polled"] or ():
        place = f":{one['qualifier']}" if one["qualifier"] else ""
        yield f"  {item['name']}{place}  polls {one['source_arn'] or 'a self-managed source'} ({one['state'].lower()})"
    for policy in item["unread"]:
        yield f"  unread: {policy['qualifier'] or 'the function itself'}: {policy['reason']}"
    if not item["who"] and not item["unread"]:
        yield "  nobody, by the policies that were read (see what was not looked at, below)"


def _marks(way: dict[str, Any]) -> Iterable[tuple[str, bool]]:
    yield "public", way["public"] == "yes"
    yield "public: depends", way["public"] == "depends"
    yield "any account through this service", way["open_service"] == "yes"
    yield "any account through this service: depends", way["open_service"] == "depends"
    yield f"not usable now: {way['latent']}", bool(way["latent"])
    stale = way["stale"]
    yield stale if isinstance(stale, str) else f"as last read, unreadable since {when(stale)}", bool(stale)
