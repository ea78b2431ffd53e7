"""What the list of mappings does not know: said above every list, and first in every file."""

from __future__ import annotations

from sharing.models import Actor, Function, Policy

WIRED = (
    "Whether a bucket, topic, rule or alarm really sends its events is not looked at: a statement says who may wake a "
    "function, not who does."
)
ROLES = (
    "What calls through a role (EventBridge Scheduler and Pipes, Step Functions, a rule of another account with its role) is "
    "let in as that role: it stands under who has access, not here."
)


def unlooked(by: Actor, function: Function | None = None) -> list[str]:
    """One sentence each, the most telling first; of one function, in one query, or of all in scope, in four."""
    functions = Function.objects.visible_to(by).present()
    policies = Policy.objects.visible_to(by).present()
    if function is not None:
        here = function.vanished_at is None
        policies = policies.filter(function=function)
        counts = {
            "mappings": int(here and function.mappings_read_at is None),
            "urls": int(here and function.urls is None),
            "versions": int(here and function.details_read_at is None),
        }
    else:  # each by an index of its own: together they would read every function
        counts = {
            "mappings": functions.filter(mappings_read_at=None).count(),
            "urls": functions.filter(urls__isnull=True).count(),
            "versions": functions.filter(details_read_at=None).count(),
        }
    unread = policies.unread().count()
    said = []
    if counts["mappings"]:
        said.append(f"Event source mappings were not read yet for {_many(counts['mappings'], 'function')}.")
    if counts["urls"]:
        said.append(f"Function URLs were not read yet for {_many(counts['urls'], 'function')}.")
    if unread:
        are = "is" if unread == 1 else "are"
        said.append(f"{_many(unread, 'policy', 'policies')} {are} unread: who may push there is as last read, or not known.")
    if counts["versions"]:
        said.append(f"Policies of published versions were not read yet for {_many(counts['versions'], 'function')}.")
    return [*said, WIRED, ROLES]


def _many(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
