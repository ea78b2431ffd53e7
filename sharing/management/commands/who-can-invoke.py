"""Who can invoke a function, or all of them, by the policies as last read."""

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from typing import Any

from sharing.models import Actor, Function
from sharing.services import access

from ._output import Outcome, ShareCommand, when


class Command(ShareCommand):
    """`manage.py who-can-invoke`."""

    help = (
        "List whom the policies let invoke each function, alias and version, by API or by URL, as last read, and what was not "
        "looked at. One item per function: function_arn, name, account, region, public and open_services (how many of its ways "
        "in are so, for certain or perhaps), who [{qualifier, principal, name, kind, account, actions, public, external, "
        "open_service, depends_on, conditions, latent, sids, stale}], unread [{qualifier, reason}], not_looked_at."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        """FUNCTION_ARN, or all functions in scope."""
        parser.add_argument(
            "function_arn",
            metavar="FUNCTION_ARN",
            nargs="?",
            default="",
            help="full ARN; with an alias or version only that one (default: every function)",
        )

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Read rows; AWS is not asked."""
        answer = access.who_can_invoke(by=actor, function_arn=options["function_arn"])
        ways = answer.by_function
        items = [_item(function, ways.get(function.pk, ()), answer) for function in answer.functions]
        lines = [line for item in items for line in _lines(item)]
        if not items:
            lines.append("No function is known here.")
        public, open_services = (sum(item[key] > 0 for item in items) for key in ("public", "open_services"))
        lines += ["", f"Functions: {len(items)}, public: {public}, open to a service of any account: {open_services}."]
        lines += answer.coverage
        return Outcome(items, lines)


def _item(function: Function, ways: Sequence[access.Way], answer: access.Invocable) -> dict[str, Any]:
    unread = [policy for policy in answer.unread if policy.function_id == function.pk]
    return {
        "function_arn": function.arn,
        "name": function.name,
        "account": function.account.number,
        "region": function.region,
        "public": sum(way.exposure.public != "no" for way in ways),
        "open_services": sum(way.exposure.open_service != "no" for way in ways),
        "who": [_way(way) for way in ways],
        "unread": [
            {"qualifier": policy.qualifier, "reason": policy.unread_reason or "It has not been read yet."} for policy in unread
        ],
        "not_looked_at": list(answer.coverage),
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
    }


def _lines(item: dict[str, Any]) -> Iterable[str]:
    yield f"{item['name']} ({item['account']} {item['region']})"
    for way in item["who"]:
        place = f":{way['qualifier']}" if way["qualifier"] else ""
        marks = [words for words, on in _marks(way) if on]
        said = f" [{', '.join(marks)}]" if marks else ""
        limits = f" if {' and '.join(way['conditions'])}" if way["conditions"] else ""
        yield f"  {item['name']}{place}  {way['name']} ({way['principal']}) by {', '.join(way['sids'])}{limits}{said}"
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
    yield f"as last read, unreadable since {when(way['stale'])}", bool(way["stale"])
