"""Offering functions by e-mail: invited, accepted, confirmed where no account was named, and made grants."""

from .answering import accept, confirm, decline
from .asking import Offer, cancel, expire, invite, resend
from .making import due, make_grants
from .tokens import digest, find, path_of, renew

__all__ = [
    "Offer",
    "accept",
    "cancel",
    "confirm",
    "decline",
    "digest",
    "due",
    "expire",
    "find",
    "invite",
    "make_grants",
    "path_of",
    "renew",
    "resend",
]
