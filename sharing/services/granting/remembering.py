"""What was read on the way is kept: nobody else's change goes by unseen, and pages show what AWS holds now."""

import json

from sharing.models import Grant, PolicyVersion, Reading
from sharing.policy.permission import mask_statement

from .door import Read


def remember(grant: Grant, *reads: Read) -> None:
    """Store each read as a version of the policy; whatever in it is not this grant's doing becomes an event."""
    for read in reads:
        policy = grant.policy
        text = json.dumps(mask_statement(read.document.raw), sort_keys=True) if read.stored else ""
        if policy.current is None or policy.current.document != text:
            policy.current = PolicyVersion.objects.create(policy=policy, digest=read.document.digest, document=text)
            policy.reading = Reading.PRESENT if read.stored else Reading.NONE
            policy.size = read.document.size
            policy.save()
