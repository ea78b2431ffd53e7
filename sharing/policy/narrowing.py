"""Who remains of a statement's principals once its conditions have been applied.

Three kinds of callers are followed through the conditions: signed (any IAM principal of any account), services calling
for somebody, and anonymous callers of a function URL. A condition either ends one of them, narrows the signed ones or
the sources of services to fixed values, leaves a doubt, or changes nothing.

Facts: a key narrows a `*` only by a positive operator that a missing key does not satisfy, with fixed values; keys of
the caller's own choice and keys that describe our own function never narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from . import channels, fixed
from .conditions import WILD, Atom, compare
from .contradiction import contradict
from .keys import Key, Presence, Role, key_of
from .matching import any_of, covers, has_wildcard
from .population import (
    TEXT,
    Population,
    doubt_literal_wildcard,
    meet_organizations,
    meet_values,
    misfit,
    values_of,
)
from .sources import Scope, meet, source_arn


def remaining(population: Population, atoms: Iterable[Atom]) -> Population:
    """Apply every condition, in place; their order does not matter to who remains."""
    atoms = tuple([_turned(atom) if atom.variables else atom for atom in atoms])
    if len(atoms) > 1 and contradict(atoms):
        population.end()
        return population
    for atom in atoms:
        key = key_of(atom.key)
        if atom.family == "unknown" or atom.vague or key.role is Role.UNKNOWN:
            population.cannot_judge(atom)
            population.note(atom)
            continue
        if not atom.absent:
            if key.signed is Presence.NEVER:
                population.signed = False
            if key.service is Presence.NEVER:
                population.service = False
            if key.anonymous is Presence.NEVER:
                population.anonymous = False
        if atom.family == "null":
            _presence(population, atom, key)
        else:
            _HANDLERS[key.role](population, atom, key)
        if population.empty:
            break
    return population


#: A key of our own function, and the variables of the caller that are compared with it as often as the other way round.
_OPPOSITE: Final = {
    "aws:resourceaccount": frozenset(("aws:principalaccount", "aws:sourceaccount")),
    "aws:resourceorgid": frozenset(("aws:principalorgid", "aws:sourceorgid")),
}


def _turned(atom: Atom) -> Atom:
    """`aws:ResourceOrgID` is `${aws:PrincipalOrgID}` says what `aws:PrincipalOrgID` is `${aws:ResourceOrgID}` says."""
    if len(atom.values) != 1 or not atom.want or atom.absent or atom.family not in TEXT:
        return atom
    name = atom.values[0][2:-1].lower()
    if atom.values[0].lower() != f"${{{name}}}" or name not in _OPPOSITE.get(atom.key, ()):
        return atom
    return atom._replace(key=name, values=(f"${{{atom.key}}}",))


def _is_elsewhere(population: Population, value: str) -> bool:
    """Whether an ARN is of another partition, where nobody and nothing can reach this function."""
    parts = value.split(":", 2)
    if len(parts) < 3 or parts[0] != "arn" or has_wildcard(parts[1]) or "${" in parts[1]:
        return False
    return parts[1] != population.function.partition


def _presence(population: Population, atom: Atom, key: Key) -> None:
    """`Null`: callers that always carry the key fail if it must be absent; those that may choose what suits them."""
    population.note(atom)
    if not atom.want:
        population.signed = population.signed and key.signed is not Presence.ALWAYS
        population.service = population.service and key.service is not Presence.ALWAYS
        population.anonymous = population.anonymous and key.anonymous is not Presence.ALWAYS
    if key.role is Role.TYPE:
        channels.doubt_type_of_services(population, atom)
    if key.role in (Role.TOKEN, Role.NETWORK) and atom.want:
        population.limit(f"only calls that carry {atom.source.key}")
    if key.role in _SOURCES and atom.absent and not population.signed:
        population.doubts += (f"whether the service sends {atom.source.key}",)
    if key.role in (Role.URL_AUTH, Role.VIA_URL) and atom.want:
        population.demand_url()


def _who(
    population: Population,
    atom: Atom,
    attribute: str,
    settle: Callable[[str, Atom], str | None],
) -> None:
    """A key that says who a signed caller is; `settle` gives a value's fixed form, "" for nobody, None for open."""
    if misfit(population, atom):
        return
    values = values_of(population, atom)
    filled = atom._replace(values=values)
    if not atom.want:
        population.note(atom)
        anybody = "o-*" if attribute == "organizations" else "*"  # every organisation's id and path begins like that
        shuts_out_all = atom.family in WILD and any(covers(value, anybody) for value in values)
        if shuts_out_all and not (attribute == "organizations" and atom.absent):
            population.signed = False
        if attribute == "accounts":
            population.not_accounts += (filled,)
        elif attribute == "arns":
            population.not_arns += (filled,)
        return
    if attribute == "accounts":
        population.must_accounts += (filled,)
    elif attribute == "arns":
        population.must_arns += (filled,)
    doubt_literal_wildcard(population, atom)
    if atom.family == "fold" and attribute in ("arns", "ids", "functions"):
        population.cannot_judge(atom, "an unusual operator for that key")
        population.note(atom)
        return
    settled = ["" if _is_elsewhere(population, value) else settle(value, atom) for value in values]
    narrows = not atom.absent and None not in settled
    population.note(atom, narrows)
    if narrows:
        join = meet_organizations if "organizations" in attribute else meet_values
        left = join(getattr(population, attribute), (value for value in settled if value))
        setattr(population, attribute, left)
        if not left:
            population.signed = False


def _account(population: Population, atom: Atom, key: Key) -> None:
    if atom.family in TEXT:
        matched = any_of(compare(atom, value, "anonymous") for value in atom.values)
        population.anonymous = population.anonymous and matched is atom.want
    _who(population, atom, "accounts", fixed.account)


def _arn(population: Population, atom: Atom, key: Key) -> None:
    _who(population, atom, "arns", fixed.arn)


def _user_id(population: Population, atom: Atom, key: Key) -> None:
    _who(population, atom, "ids", fixed.unique_id)


def _organization(population: Population, atom: Atom, key: Key) -> None:
    settle = fixed.organization_path if key.role is Role.ORGANIZATION_PATH else fixed.organization
    _who(population, atom, "organizations", settle)
    if atom.want and atom.absent and atom.family in TEXT:
        settled = [settle(value, atom) for value in atom.values]
        if None not in settled:
            population.organizations_if_any += (tuple(value for value in settled if value),)
    if not atom.want and atom.family in TEXT:
        population.not_organizations += tuple(value for value in atom.values if not fixed.is_open(value, atom))


def _source_function(population: Population, atom: Atom, key: Key) -> None:
    _who(population, atom, "functions", fixed.arn)


def _source(population: Population, atom: Atom, key: Key) -> None:
    """A key that says for whom a service calls. Signed and anonymous callers never carry it."""
    if misfit(population, atom):
        return
    if not atom.want:
        population.not_sources += atom.values
    elif not atom.absent:
        doubt_literal_wildcard(population, atom)
    if not atom.want or atom.absent:
        population.note(atom)
        return
    values = values_of(population, atom)
    if key.role is Role.SOURCE_ARN:
        if atom.family == "fold":
            population.cannot_judge(atom, "an unusual operator for that key")
        arns = [source_arn(value, atom.family) for value in values if not _is_elsewhere(population, value)]
        population.note(atom, any(arn.scope is not Scope.OPEN for arn in arns))
        population.source_arns = meet(population.source_arns, arns)
        population.service = population.service and bool(population.source_arns)
        return
    attribute, settle = _SOURCES[key.role]
    settled = [settle(value, atom) for value in values]
    narrows = None not in settled
    population.note(atom, narrows)
    if narrows:
        join = meet_organizations if "organizations" in attribute else meet_values
        left = join(getattr(population, attribute), (value for value in settled if value))
        setattr(population, attribute, left)
        population.service = population.service and bool(left)


_SOURCES: Final[dict[Role, tuple[str, Callable[[str, Atom], str | None]]]] = {
    Role.SOURCE_ACCOUNT: ("source_accounts", fixed.account),
    Role.SOURCE_ARN: ("source_arns", fixed.arn),
    Role.SOURCE_ORGANIZATION: ("source_organizations", fixed.organization),
    Role.SOURCE_ORGANIZATION_PATH: ("source_organizations", fixed.organization_path),
}


_HANDLERS: Final[dict[Role, Callable[[Population, Atom, Key], None]]] = {
    Role.ACCOUNT: _account,
    Role.ARN: _arn,
    Role.USER_ID: _user_id,
    Role.ORGANIZATION: _organization,
    Role.ORGANIZATION_PATH: _organization,
    Role.SOURCE_ACCOUNT: _source,
    Role.SOURCE_ARN: _source,
    Role.SOURCE_ORGANIZATION: _source,
    Role.SOURCE_ORGANIZATION_PATH: _source,
    Role.IS_SERVICE: channels.is_service,
    Role.SERVICE_NAME: channels.service_name,
    Role.TYPE: channels.principal_type,
    Role.NETWORK: channels.network,
    Role.ADDRESS: channels.address,
    Role.TOKEN: channels.token,
    Role.URL_AUTH: channels.url_type,
    Role.VIA_URL: channels.via_url,
    Role.SOURCE_FUNCTION: _source_function,
    Role.TIME: channels.time,
    Role.CALLER: channels.nothing,
    Role.OURS: channels.ours,
    Role.FOREIGN: channels.nothing,
    Role.CONSTANT: channels.constant,
}
