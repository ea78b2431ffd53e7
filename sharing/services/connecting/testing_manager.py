"""What a manager role may do: each permission tried, each missing one named with the JSON to add."""

import json

from sharing.aws import proving
from sharing.aws.proving import Outcome, Probe, Prober
from sharing.aws.session import CallerIdentity, RoleRef, known_regions
from sharing.models import Account, Connection

from .entering import pace
from .reports import Report, Result, statement_to_add
from .rights import COUNT_RUNS, LIST_LAYERS, READ_LAYERS, SHARE_LAYERS, all_layers

#: verb, action, operation, what it is for
_READS = (
    ("read", "lambda:GetPolicy", "GetPolicy", "policies are read"),
    ("aliases", "lambda:ListAliases", "ListAliases", "aliases and their policies are seen"),
    ("confirm", "lambda:GetFunctionConfiguration", "GetFunctionConfiguration", "a function without policy is told from none"),
    ("versions", "lambda:ListVersionsByFunction", "ListVersionsByFunction", "versions and their policies are seen"),
    ("tags", "lambda:ListTags", "ListTags", "tags are shown"),
    ("urls", "lambda:ListFunctionUrlConfigs", "ListFunctionUrlConfigs", "function URLs are seen"),
    ("mappings", "lambda:ListEventSourceMappings", "ListEventSourceMappings", "event source mappings are seen"),
)


def examine_manager(connection: Connection, role: RoleRef, worker_arn: str, report: Report, result: Result) -> None:
    """Fill the result: rows, verbs, regions; refused when nothing at all can be read."""
    enabled = proving.enabled_regions(role)
    result.verbs["list_regions"] = enabled is not None
    result.enabled_regions = enabled
    prober = _regions(connection, role, enabled, report, result)
    if prober is None:
        return
    functions = f"arn:{role.partition}:lambda:*:{role.account}:function:*"
    for verb, action, operation, purpose in _READS:
        probe = prober.read(operation)
        result.verbs[verb] = probe.permitted
        resource = "*" if operation == "ListEventSourceMappings" else functions
        _row(report, action, probe, purpose, statement_to_add([action], resource))
    if not result.verbs["list"] and not result.verbs["read"]:
        failure = "The role lets fnshare in but may read nothing: neither functions nor policies."
        following = statement_to_add(["lambda:ListFunctions"], "*") + " Likewise lambda:GetPolicy on the functions."
        report.failed("Something can be read", failure, following)
        result.refused = (failure, following)
        return
    _writes(connection, prober, worker_arn, functions, report, result)
    _layers(connection, prober, report, result)
    _mappings(prober, report, result)
    _coverage(connection, enabled, report, result)


def _regions(connection: Connection, role: RoleRef, enabled: list[str] | None, report: Report, result: Result) -> Prober | None:
    """ListFunctions in every region that is to be read; with none chosen, in every one that could be."""
    chosen = list(connection.regions)
    lambdas = known_regions(role.partition)
    candidates = chosen or [name for name in (enabled or lambdas) if name in lambdas]
    tried = proving.in_regions(role, candidates, pace=pace())
    readable = [name for name, (_, probe) in tried.items() if probe.permitted]
    result.verbs["list"] = bool(readable)
    if readable:
        report.ok("lambda:ListFunctions", f"Functions are listed in {', '.join(readable)}.")
    for name, (_, probe) in tried.items():
        if probe.permitted or not (chosen or not readable):
            continue
        if probe.outcome == Outcome.DISABLED:
            detail, following = f"Region {name} is not enabled in the account.", "Enable it, or take it off the list."
        elif probe.outcome == Outcome.UNKNOWN:
            detail, following = f"Region {name}: {_said(probe)}", "Test again later."
        else:
            detail, following = f"Region {name}: {_said(probe)}", statement_to_add(["lambda:ListFunctions"], "*")
        report.missing("lambda:ListFunctions", detail, following)
        if not chosen and len(report.rows) > 6:
            break  # nothing readable anywhere: a few regions tell enough
    result.regions = chosen or readable
    with_functions = [prober for prober, probe in tried.values() if probe.permitted and prober.listed]
    found = with_functions or [tried[name][0] for name in readable] or [prober for prober, _ in tried.values()]
    return found[0] if found else None


def _writes(connection: Connection, prober: Prober, worker_arn: str, functions: str, report: Report, result: Result) -> None:
    """AddPermission and RemovePermission: the share stage. And the Deny that keeps the worker from serving itself."""
    account = connection.account
    add = _may_add(prober, account)
    result.verbs["share"] = add.permitted
    following = statement_to_add(["lambda:AddPermission", "lambda:RemovePermission"], functions)
    if add.outcome == Outcome.DENIED:
        detail = "The role is at the read stage: nothing can be shared in this account."
        report.missing("lambda:AddPermission", detail, f"To share: {following[0].lower()}{following[1:]}")
    else:
        _row(report, "lambda:AddPermission", add, "functions can be shared", following)
    remove = prober.remove_permission()
    result.verbs["revoke"] = remove.permitted
    if add.permitted or remove.permitted:
        _row(report, "lambda:RemovePermission", remove, "shares can be taken back", following)
    if not add.permitted:
        return
    identity = CallerIdentity(worker_arn, worker_arn.split(":")[4], "")
    root = f"arn:{identity.partition}:iam::{identity.account}:root"
    forms = list(dict.fromkeys([identity.account, root, identity.principal_arn]))
    open_forms = [form for form in forms if prober.add_permission(form).permitted]
    name = "Never with the dashboard"
    if not open_forms:
        report.ok(name, "The role cannot share functions with fnshare's own account.")
        return
    deny = {
        "Effect": "Deny",
        "Action": "lambda:AddPermission",
        "Resource": "*",
        "Condition": {"StringEquals": {"lambda:Principal": forms}},
    }
    report.warning(
        name,
        f"The role may share functions with fnshare itself ({', '.join(open_forms)}): a stolen worker could serve itself.",
        f"Add to the role's policy: {json.dumps(deny)}. Then test again.",
    )


def _layers(connection: Connection, prober: Prober, report: Report, result: Result) -> None:
    """Layers are a permission of their own: a role made before fnshare knew them stays connected, and is told."""
    versions = all_layers(connection.account)
    read = prober.read_layers()
    if read.outcome != Outcome.UNKNOWN:  # without an answer it is left to the next read
        result.verbs["layers"] = read.permitted
    following = (
        f"{statement_to_add(LIST_LAYERS, '*').removesuffix(' Then test again.')} "
        f"And on the layers: {statement_to_add(READ_LAYERS, versions).partition(': ')[2]}"
    )
    _row(report, "Layers", read, "shared layer versions are seen", following)
    result.verbs["share_layers"] = False
    if not result.verbs["share"] or not read.permitted:
        return
    share = prober.share_layers()
    result.verbs["share_layers"] = share.permitted
    following = statement_to_add(SHARE_LAYERS, versions)
    _row(report, "Sharing layers", share, "layer versions can be shared and taken back", following)


def _mappings(prober: Prober, report: Report, result: Result) -> None:
    """The mappings stage is a choice of its own: a role without it lacks nothing, and its verb says so."""
    probe = prober.map_sources()
    if probe.outcome == Outcome.UNKNOWN:  # without an answer it is tried when somebody wants a mapping
        return
    result.verbs["map"] = probe.permitted
    if probe.permitted:
        detail = "Permitted, by what AWS says to one that cannot exist: mappings can be created and changed."
        report.ok("Event source mappings", detail)
        _counts(prober, report, result)


def _counts(prober: Prober, report: Report, result: Result) -> None:
    """Part of the mappings stage since wirings are watched: a role from before it goes on, and says what to add."""
    probe = prober.count_runs()
    if probe.outcome == Outcome.UNKNOWN:
        return
    result.verbs["count"] = probe.permitted
    following = statement_to_add(COUNT_RUNS, "*")
    _row(report, COUNT_RUNS[0], probe, "a test event is seen to arrive", following)


def _may_add(prober: Prober, account: Account) -> Probe:
    """Tried with several principals: an owner may allow only some of them (lambda:Principal)."""
    others = Account.objects.exclude(pk=account.pk).order_by("-created_at").values_list("number", flat=True)[:4]
    probe = Probe(Outcome.UNKNOWN)
    for principal in (account.number, "s3.amazonaws.com", *others):
        probe = prober.add_permission(principal)
        if probe.outcome != Outcome.DENIED:
            return probe
    return probe


def _coverage(connection: Connection, enabled: list[str] | None, report: Report, result: Result) -> None:
    name = "Coverage of enabled regions"
    if enabled is None:
        detail = "The role may not list the account's regions, so functions elsewhere would not be noticed."
        report.missing(name, detail, statement_to_add(["account:ListRegions"], "*"))
        return
    lambdas = set(known_regions(connection.account.partition))
    unread = sorted(set(enabled) & lambdas - set(result.regions))
    if unread:
        report.warning(name, f"Not read: {', '.join(unread)}.", "Add these regions to the account, if they are used.")
    else:
        report.ok(name, f"{len(result.regions)} regions.")


def _row(report: Report, action: str, probe: Probe, purpose: str, following: str) -> None:
    if probe.permitted:
        report.ok(action, f"Permitted: {purpose}.")
    elif probe.outcome == Outcome.UNKNOWN:
        report.warning(action, f"Could not be tried. {_said(probe)}", "Test again later.")
    else:
        report.missing(action, f"{_said(probe)} Without it: not so that {purpose}.", following)


def _said(probe: Probe) -> str:
    return probe.error.sentence if probe.error else "AWS gave no answer."
