"""What the slow pass read is kept whole or not at all, and no older than it says."""

import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from sharing.aws.mapped import ListedMapping
from sharing.models import Actor, Exposure, Function
from sharing.policy import FunctionArn
from sharing.services import waking
from sharing.services.syncing import details, storing
from tests import factories
from tests.services.kept import ACME, allow, kept, owner

pytestmark = pytest.mark.django_db


def run(**fields: Any) -> Any:
    """As much of a run as keeping needs."""
    return SimpleNamespace(sync=SimpleNamespace(changed=0, unread=0), mappings_at=timezone.now(), **fields)


def test_a_worker_that_dies_over_urls_leaves_those_and_what_they_let_in_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    function = factories.function("f", owner(), urls={})
    paired = allow("*", "InvokeFunctionUrl", StringEquals={"lambda:FunctionUrlAuthType": "NONE"})
    kept(function, paired, allow("*", Bool={"lambda:InvokedViaFunctionUrl": "true"}))
    assert not Exposure.objects.filter(action_class="invoke-url", latent=False).exists()

    def dies(*_: Any, **__: Any) -> None:
        Exposure.objects.all().delete()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(storing, "keep_exposures", dies)
        with pytest.raises(KeyboardInterrupt):
            details.keep_details(run(), details.with_policies(function.pk), details.Details(urls={"": "NONE"}))
    assert Exposure.objects.filter(latent=True).exists()
    details.keep_details(run(), details.with_policies(function.pk), details.Details(urls={"": "NONE"}))
    assert Exposure.objects.filter(action_class="invoke-url", latent=False).exists()
    assert Function.objects.get(pk=function.pk).urls == {"": "NONE"}


def test_a_list_of_mappings_that_is_kept_long_after_it_was_read_is_one_read() -> None:
    """One list has those of every function of a place, and is kept function by function: nothing is stuck by it alone."""
    function = factories.function("f", owner(), urls={})
    arn = f"arn:aws:sqs:us-east-1:{ACME}:jobs"
    listed = [ListedMapping(uuid.uuid4(), FunctionArn.parse(function.arn), arn, "Creating")]
    now = timezone.now()

    def problems(minutes: int) -> list[str]:
        asked = run()
        asked.mappings_at = now - timedelta(minutes=minutes)
        details.keep_details(asked, details.with_policies(function.pk), details.Details(mappings=listed))
        [row] = waking.of_function(function, by=Actor.system())
        return [trouble.problem.value for trouble in row.troubles]

    assert problems(60) == []
    assert Function.objects.get(pk=function.pk).mappings_read_at == now - timedelta(minutes=60)
    assert problems(40) == ["stuck"]


def test_a_content_is_judged_by_the_urls_that_are_known_when_it_is_kept() -> None:
    """A worker loads the function, then is busy with AWS; meanwhile the URLs were read."""
    function = factories.function("f", owner(), urls={})
    Function.objects.filter(pk=function.pk).update(urls={"": "NONE"})
    paired = allow("*", "InvokeFunctionUrl", StringEquals={"lambda:FunctionUrlAuthType": "NONE"})
    kept(function, paired, allow("*", Bool={"lambda:InvokedViaFunctionUrl": "true"}))
    assert Exposure.objects.filter(action_class="invoke-url", latent=False).exists()
