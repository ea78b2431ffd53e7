"""Offering functions by e-mail: invited, accepted, confirmed where no account was named, and made grants."""

from .answering import accept, confirm, decline
from .asking import cancel, expire, invite, resend
from .choosing import Found, functions, places, search
from .drafting import MOST_NOTE, MOST_OFFERS, Draft, Offer, Thought, draft
from .making import due, make_grants
from .standing import (
    Attention,
    Happened,
    Proved,
    Standing,
    attention,
    invitations,
    mails_of,
    proved_of,
    standing_of,
    story_of,
    to_send,
)
from .tokens import digest, find, path_of, renew

__all__ = [
    "MOST_NOTE",
    "MOST_OFFERS",
    "Attention",
    "Draft",
    "Found",
    "Happened",
    "Offer",
    "Proved",
    "Standing",
    "Thought",
    "accept",
    "attention",
    "cancel",
    "confirm",
    "decline",
    "digest",
    "draft",
    "due",
    "expire",
    "find",
    "functions",
    "invitations",
    "invite",
    "mails_of",
    "make_grants",
    "path_of",
    "places",
    "proved_of",
    "renew",
    "resend",
    "search",
    "standing_of",
    "story_of",
    "to_send",
]
