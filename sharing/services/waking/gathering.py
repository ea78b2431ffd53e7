"""Every row in somebody's scope, in a number of queries that does not grow with them."""

from __future__ import annotations

from django.db.models import QuerySet

from sharing.models import Account, Actor, Function
from sharing.services.naming import account_names

from .addressing import addressed
from .ground import Ground
from .judging import judged
from .polling import polled
from .pushing import pushed
from .shapes import Waker, Way
from .wired import wired


def gather(by: Actor, *, way: Way | None = None) -> list[Waker]:
    """Everything that can wake a function in the actor's scope, by function. `way`: only this one."""
    return _gather(Function.objects.visible_to(by).present(), by, way)


def of_function(function: Function, *, by: Actor) -> list[Waker]:
    """What can wake one function, its aliases and its versions; nothing out of scope."""
    return _gather(Function.objects.visible_to(by).present().filter(pk=function.pk), by, None)


def _gather(functions: QuerySet[Function], by: Actor, way: Way | None) -> list[Waker]:
    ground = Ground(functions, {one.pk: one for one in Account.objects.visible_to(by)}, account_names())
    found: list[Waker] = []
    if way in (None, Way.PULL):
        found += polled(ground)
    if way in (None, Way.PUSH):
        found += pushed(ground)
    if way in (None, Way.URL):
        found += addressed(ground)
    if way is not Way.URL:
        found = list(wired(ground, found, way))
    return sorted(judged(found), key=_order)


def _order(one: Waker) -> tuple[object, ...]:
    place = one.place
    return (place.name, place.region, place.number, one.qualifier, one.way, one.kind, one.sources, one.whose, one.statements)
