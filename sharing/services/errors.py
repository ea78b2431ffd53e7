"""What a service says when it cannot do what was asked: always with what to do instead."""


class Refusal(Exception):
    """Refused, nothing was written. `message` says why, `next` what to do, `field` which form field is at fault.

    `code` is stable, for programs: `not-permitted`, `not-found`, `invalid`, `conflict`, `stale`, `ambiguous`...
    """

    def __init__(self, message: str, *, next: str = "", code: str = "invalid", field: str = "") -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        self.next = next
        self.code = code
        self.field = field


class NotPermitted(Refusal):
    """The actor's role or scope does not allow it."""

    def __init__(self, message: str, *, next: str = "Ask an admin of fnshare.") -> None:  # noqa: A002
        super().__init__(message, next=next, code="not-permitted")


class NotFound(Refusal):
    """No such thing, or not in the actor's scope: the same words for both."""

    def __init__(self, what: str, *, next: str = "Check the spelling, or sync the account and try again.") -> None:  # noqa: A002
        super().__init__(f"{what} is not known here.", next=next, code="not-found")
