"""Telling people that a second person is waited for."""

from __future__ import annotations

from sharing.models import Actor, Grant
from sharing.services import notices
from sharing.services.owning import owners_besides


def ask_second_person(grant: Grant, *, digest: str, by: Actor) -> None:
    """Queue mail to the function's owners besides who asks; `digest`: of what they would approve, the same only once."""
    for person in owners_besides(grant.policy.function, by.person):
        notices.queue(
            "approval-asked",
            to=person.email,
            person=person,
            grant=grant,
            detail={"digest": digest},
            once=f"approval:{grant.pk}:{digest}:{person.email}",
        )
