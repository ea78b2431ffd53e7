"""Conditions on how a call comes in: by which service, network, function URL, at which time; and those on us."""

from __future__ import annotations

from typing import Final

from . import fixed
from .addresses import Breadth, breadth, spares_enough
from .conditions import Atom
from .keys import Key
from .population import URL_TYPES, Population, holds, meet_values, misfit

LIMITED_TO_HOLDERS: Final = "only calls that carry the event source token, a shared secret"


def is_service(population: Population, atom: Atom, key: Key) -> None:
    service, others = holds(atom, "true"), holds(atom, "false")
    if service is None or others is None:
        population.cannot_judge(atom)
    population.service = population.service and service is not False
    population.signed = population.signed and others is not False
    population.anonymous = population.anonymous and others is not False
    population.note(atom, service is not others)


def service_name(population: Population, atom: Atom, key: Key) -> None:
    if misfit(population, atom):
        return
    narrows = atom.want and not atom.absent
    population.note(atom, narrows)
    if atom.key == "aws:principalservicename":
        population.must_services += (atom,)
    if narrows:
        population.services = meet_values(population.services, atom.values)
        population.service = population.service and bool(population.services)


def principal_type(population: Population, atom: Atom, key: Key) -> None:
    """aws:PrincipalType: the caller's own account chooses whether a user or a role calls; of services IAM says nothing."""
    population.note(atom)
    population.types = frozenset(kind for kind in population.types if holds(atom, kind) is not False)
    population.signed = population.signed and bool(population.types)
    population.anonymous = population.anonymous and holds(atom, "Anonymous") is not False
    doubt_type_of_services(population, atom)


def doubt_type_of_services(population: Population, atom: Atom) -> None:
    population.service_doubts += (f"condition {atom.source.operator} {atom.source.key}, as IAM does not say what services are",)


def network(population: Population, atom: Atom, key: Key) -> None:
    narrows = atom.want and not atom.absent and "*" not in atom.values
    population.note(atom, narrows)
    if narrows:
        population.limit(f"only calls from the network in {atom.source.key}")


def address(population: Population, atom: Atom, key: Key) -> None:
    if atom.family != "ip":
        population.cannot_judge(atom, "an unusual operator for that key")
        population.note(atom)
        return
    if not atom.want:
        population.note(atom)
        if not spares_enough(atom.values):
            population.limit("only calls from the few addresses that are not shut out")
        return
    size = Breadth.WIDE if atom.absent else breadth(atom.values)
    population.note(atom, size is not Breadth.WIDE)
    if size is Breadth.PRIVATE:
        population.no_address = True
    if size is not Breadth.WIDE:  # from where services call is not documented
        population.limit("only calls from some addresses")


def token(population: Population, atom: Atom, key: Key) -> None:
    narrows = atom.want and not atom.absent and not any(fixed.is_open(value, atom) for value in atom.values)
    population.note(atom, narrows)
    if narrows:
        population.token = True
        population.limit(LIMITED_TO_HOLDERS)


def url_type(population: Population, atom: Atom, key: Key) -> None:
    population.note(atom)
    held = frozenset(kind for kind in URL_TYPES if holds(atom, kind) is not False)
    population.url_types &= held
    population.anonymous = population.anonymous and "NONE" in population.url_types
    if not atom.absent:
        population.demand_url()
        if not population.url_types:
            population.end()


def via_url(population: Population, atom: Atom, key: Key) -> None:
    population.note(atom)
    by_url = holds(atom, "true") is not False
    population.anonymous = population.anonymous and by_url
    if not atom.absent and by_url and holds(atom, "false") is False:
        population.demand_url()


def time(population: Population, atom: Atom, key: Key) -> None:
    population.note(atom)
    population.times += (atom,)


def nothing(population: Population, atom: Atom, key: Key) -> None:
    """A key of the caller's own choice, or one that never occurs: who may carry it is settled already."""
    population.note(atom)


def ours(population: Population, atom: Atom, key: Key) -> None:
    population.note(atom)
    if atom.key == "aws:resourceorgid":
        population.ours += (atom,)


def constant(population: Population, atom: Atom, key: Key) -> None:
    population.note(atom)
    function = population.function
    value = {"region": function.region, "account": function.account}.get(key.constant, key.constant)
    if atom.variables and any("${" in one for one in atom.values):
        return
    held = holds(atom, value)
    if held is False:
        population.end()
    elif held is None:
        population.cannot_judge(atom)
