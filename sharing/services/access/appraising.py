"""What a policy lets in as seen at the moment of the question: trust, URLs and time applied to the kept reduction."""

from __future__ import annotations

from datetime import datetime

from sharing.models import Policy
from sharing.policy import Document, Exposure, exposures
from sharing.services.syncing.reach import url_auth
from sharing.services.trusting import Trust


def appraise(
    policy: Policy, document: Document, *, trust: Trust, at: datetime | None = None, past: bool = False
) -> list[Exposure]:
    """The exposures of one content of a policy. `policy.function.account` should be loaded; no query is made.

    past: the content is not today's, so today's URLs say nothing about it and count as not known.
    """
    return exposures(
        document,
        function_arn=policy.arn,
        owner_account=policy.function.account.number,
        trusted_accounts=trust.accounts,
        trusted_organizations=trust.organizations,
        url_auth=None if past else url_auth(policy),
        at=at,
    )
