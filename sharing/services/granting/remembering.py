"""What was read on the way is kept: nobody else's change goes by unseen, and pages show what AWS holds now."""

from sharing.models import Grant
from sharing.services.syncing.storing import Answered, store_reads

from .door import Read


def remember(grant: Grant, *reads: Read) -> None:
    """Store each read, the one before a write and the one after it: whatever differs and is not this grant's own
    statement becomes an event, whoever did it (the whole document is compared)."""
    store_reads(grant.policy, [Answered(read.stored, read.at) for read in reads], ours=[grant.sid])
