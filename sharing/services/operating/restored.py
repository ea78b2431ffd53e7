"""What a restored backup must not do by itself: tell AWS what somebody wanted before the backup was made."""

from datetime import datetime
from typing import Final

from sharing.models import Installation

CODE: Final = "restored"
SENTENCE: Final = (
    "It waited when the backup was made that is in use since. AWS was looked at and is not so, and whether it is still wanted "
    "nobody knows."
)
#: Of what was not even begun.
WAITED: Final = "It waited when the backup was made that is in use since, and whether it is still wanted nobody knows."
NEXT: Final = "If it is still wanted, ask again."


def asked_before(since: datetime | None) -> bool:
    """Whether a wish that waits since then is one that a restored backup brought back. One query."""
    at = Installation.objects.filter(pk=1).values_list("restored_at", flat=True).first()
    return at is not None and since is not None and since <= at
