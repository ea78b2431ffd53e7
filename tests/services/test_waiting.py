"""Who waits for whom in the database: only those that would else lose or invent something.

A lock that is held is one of PostgreSQL's; SQLite has one writer, so there the same is tried without it.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import pytest
from django.db import connection, transaction
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import Check, Function, Occasion
from sharing.services import waking
from sharing.services.syncing import store_policy
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def _held() -> AbstractContextManager[object]:
    return transaction.atomic() if connection.features.has_select_for_update else nullcontext()


def _elsewhere(do: Callable[[], object]) -> None:
    """In a transaction of its own. Raises OperationalError if that has to wait."""

    def work() -> None:
        try:
            with transaction.atomic():
                if connection.features.has_select_for_update:
                    with connection.cursor() as cursor:
                        cursor.execute("SET LOCAL lock_timeout = '1s'")
                do()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def test_rows_are_made_of_the_functions_that_nobody_is_just_changing() -> None:
    """Who changes several in one transaction may wait for the next one: whoever holds that must not wait for the first."""
    one, other = factories.function(), factories.function()
    with _held():
        Function.objects.filter(pk=one.pk).update(description="new")
        _elsewhere(waking.keep_due)
    kept = set(Function.objects.exclude(wakes_kept_at=None).values_list("pk", flat=True))
    assert kept == ({other.pk} if connection.features.has_select_for_update else {one.pk, other.pk})
    assert waking.keep_due() == 2 - len(kept)


def test_a_check_of_a_grant_is_asked_for_while_its_policy_is_kept() -> None:
    """Who asks holds the grant, which whoever keeps a policy changes next, if its statement is gone."""
    grant = factories.grant()
    with _held():
        store_policy(grant.policy, StoredPolicy('{"Statement": []}', "r"), read_at=timezone.now())
        _elsewhere(lambda: Check.objects.create(policy=grant.policy, occasion=Occasion.SCHEDULE, requested_as="fnshare"))
    assert Check.objects.count() == 1
