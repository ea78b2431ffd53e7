"""What a policy lets in, kept beside it for lists and counts (reduced by sharing.policy, never here)."""

from collections.abc import Sequence
from typing import Any

from sharing.models import Exposure, Policy
from sharing.policy import Document
from sharing.policy.exposure import NO_URL, Answer, exposures
from sharing.policy.exposure import Exposure as Reduced
from sharing.services import tallying, waking
from sharing.services.findings.keeping import keep_findings

#: The policy's own columns that follow from its exposures.
DERIVED = ("public", "open_service", "external", "denies")
_WIDTH = {"no": 0, "depends": 1, "yes": 2}


def keep_exposures(policy: Policy, document: Document, *, also: Sequence[str] = (), anew: bool = False) -> None:
    """Replace the policy's exposures and what follows from them on the policy. Call it in the storing transaction.

    also: further columns of the policy that are saved with it. anew: nothing was ever kept of this policy.
    """
    rows = reduced(policy, document)
    if not anew:
        Exposure.objects.filter(policy=policy).delete()
    Exposure.objects.bulk_create(rows, batch_size=500)
    policy.save(update_fields=[*also, *DERIVED])
    tallying.note(policy.function.account_id)
    waking.note(policy.function_id)
    keep_findings(policy, document, url_auth=url_auth(policy))


def is_as_kept(policy: Policy, document: Document) -> bool:
    """Whether the rules of now find in this content what is kept of it."""
    before = [getattr(policy, name) for name in DERIVED]
    found = [_facts(one) for one in reduced(policy, document)]
    kept = [_facts(one) for one in Exposure.objects.filter(policy=policy).order_by("pk")]
    return found == kept and before == [getattr(policy, name) for name in DERIVED]


def _facts(row: Exposure) -> dict[str, Any]:
    return {one.attname: getattr(row, one.attname) for one in Exposure._meta.concrete_fields if one.attname != "id"}


def reduced(policy: Policy, document: Document) -> list[Exposure]:
    """The policy's exposures as rows, and what follows from them (DERIVED) set on the policy; nothing is saved."""
    found = exposures(
        document,
        function_arn=policy.arn,
        owner_account=policy.function.account.number,
        url_auth=url_auth(policy),
    )
    for name in ("public", "open_service", "external"):
        setattr(policy, name, _widest(found, name))
    policy.denies = any(statement.is_deny for statement in document.statements)
    return [_row(policy, one) for one in found]


def url_auth(policy: Policy) -> str | None:
    """The type of the function URL that the policy is about, NO_URL for none, None while URLs were never read."""
    urls = policy.function.urls
    return None if urls is None else str(urls.get(policy.qualifier) or NO_URL)


def _widest(found: list[Reduced], name: str) -> str:
    return max((str(getattr(one, name)) for one in found), key=_WIDTH.__getitem__, default="no")


def _row(policy: Policy, one: Reduced) -> Exposure:
    return Exposure(
        policy=policy,
        owner=policy.function.account,
        kind=str(one.kind),
        principal=_kept(one.principal),
        account=_kept(one.account or "")[:12],
        action_class=str(one.action_class),
        actions=[_kept(str(action)) for action in one.actions],
        public=str(one.public),
        external=str(one.external),
        open_service=str(one.open_service),
        latent=bool(one.latent),
        not_safe=not one.safe or one.external is Answer.DEPENDS,
        details=_details(one),
    )


def _details(one: Reduced) -> dict[str, Any]:
    """What a list need not filter by. `statements`: indexes into the document."""
    return {
        "depends_on": [_kept(reason) for reason in one.depends_on],
        "narrowing": [_kept(condition) for condition in one.conditions.narrowing],
        "conditions": [_kept(condition) for condition in one.conditions.other],
        "statements": [statement.index for statement in one.statements],
        "audience": str(one.audience or ""),
        "organization": _kept(one.organization or ""),
        "qualifier": _kept(one.qualifier or ""),
        "latent": _kept(one.latent or ""),
        "notes": [_kept(note) for note in one.notes],
    }


def _kept(text: str) -> str:
    """Text that any database can keep: what a policy names may hold NUL or half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")[:2048]
