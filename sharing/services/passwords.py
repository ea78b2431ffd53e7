"""A forgotten password: asked for by anybody for any address, answered by mail where the address is a person's."""

from __future__ import annotations

from sharing.models import Notice, User
from sharing.services import notices
from sharing.services.letters import Letter
from sharing.services.people import password_link
from sharing.services.signing import ways

KIND = "password-reset"
LONGEST = 254


def ask(email: str) -> Notice | None:
    """Queue the mail. The same is done for every address, so that neither words nor time tell whose is known.

    None for an address that is longer than any person's can be.
    """
    return notices.queue(KIND, to=email) if len(email) <= LONGEST else None


def letter(notice: Notice) -> Letter | None:
    """The mail with a link that is made now and kept nowhere; None for whom no password lets in."""
    # Exactly: to a database that compares without case, letters of other alphabets pass for ours, and the link would go there.
    person = User.objects.filter(email=notice.to, is_active=True).first()
    if person is None or not ways.passkey_open(person):  # whom the provider lets in has no password to forget
        return None
    return Letter("Set a new password", "mail/password-reset", {"name": person.name, "link": password_link(person)})
