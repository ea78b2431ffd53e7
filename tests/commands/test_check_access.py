"""check-access: the verdict whatever it is, and who cannot be tried as."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sharing.models import Check, Grant, Policy, PolicyVersion
from tests.commands.running import FIELDS, run
from tests.services.estate import Estate, Worker

ACME, GLOBEX = "111122223333", "222233334444"


@pytest.mark.django_db(transaction=True)
def test_check_access_answers_whatever_the_verdict(estate: Estate, hello: Policy) -> None:
    estate.shared(hello)
    PolicyVersion.objects.update(first_seen_at=timezone.now() - timedelta(hours=1))
    with Worker():
        for who, verdict in ((ACME, "allowed"), (GLOBEX, "denied"), ("666677778888", "not-tried")):
            ran = run("check-access", hello.arn, "--as", who, "--wait", "--timeout", "30", "--json")
            assert ran.code == 0, ran.out
            (item,) = ran.items
            assert set(item) == FIELDS
            assert item["check"]["verdict"] == verdict
            assert item["check"]["detail"]


@pytest.mark.django_db
def test_without_saying_as_whom_it_is_wrong_usage(estate: Estate, hello: Policy) -> None:
    ran = run("check-access", hello.arn, "--json")
    assert ran.code == 2, ran.out
    assert ran.error["message"]
    assert not Grant.objects.exists()
    assert not Check.objects.exists()


@pytest.mark.django_db
def test_check_access_as_nobody_is_refused(estate: Estate, hello: Policy) -> None:
    ran = run("check-access", hello.arn, "--as", "s3.amazonaws.com", "--json")
    assert ran.code == 1
    assert ran.error["next"]
