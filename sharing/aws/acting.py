"""One client for many sessions: each call is signed as the session that makes it, and by nothing else.

botocore asks a client's credentials for what signs, in the thread of the call. Those of a shared client look up who is calling
just now; outside a call by `As` there is nobody, and no call is made.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import botocore.credentials

#: Seconds before its end from which on a session begins nothing new.
RENEW_BEFORE = 300.0


@dataclass(frozen=True)
class SessionCredentials:
    """What signs the calls of one session. expires: `time.time()`."""

    access_key: str
    secret_key: str
    token: str
    expires: float

    @property
    def fresh(self) -> bool:
        """Whether it lasts long enough to begin something with it."""
        return self.expires - time.time() > RENEW_BEFORE


#: As whom, and in which account, this thread calls by a shared client just now.
acting_as: ContextVar[tuple[SessionCredentials, str]] = ContextVar("acting")


class Acting(botocore.credentials.Credentials):
    """The credentials of a shared client: those of the session that the call under way is made in. None: no call is made."""

    def __init__(self) -> None:
        super().__init__("", "", method="fnshare-acting")

    def get_frozen_credentials(self) -> botocore.credentials.ReadOnlyCredentials:
        """Asked by botocore when it signs, in the thread of the call. Raises LookupError outside `As`."""
        credentials, _ = acting_as.get()
        return botocore.credentials.ReadOnlyCredentials(credentials.access_key, credentials.secret_key, credentials.token)


class OnlyActing(botocore.credentials.CredentialProvider):
    """Nothing of the environment ever signs a call of a shared client."""

    METHOD = "fnshare-acting"

    def load(self) -> Acting:
        return Acting()


class As:
    """A shared client in the hands of one session: whatever is called by it is signed as that session."""

    def __init__(self, made: Any, credentials: SessionCredentials, account: str) -> None:
        self._made = made
        self._who = (credentials, account)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._made, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            before = acting_as.set(self._who)
            try:
                return found(*args, **kwargs)
            finally:
                acting_as.reset(before)

        return call
