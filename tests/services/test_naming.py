"""Names of accounts are read only where somebody needs one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sharing.policy import parse_who
from sharing.services.naming import numbers_by_name
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("text", ["2222 3333 4444", "everyone", "arn:aws:iam::222233334444:role/deploy"])
def test_what_is_no_name_is_understood_without_reading_every_name(text: str) -> None:
    with CaptureQueriesContext(connection) as read:
        parse_who(text, names=numbers_by_name())
    assert len(read) == 0


def test_a_name_is_found_by_one_query() -> None:
    factories.account("Globex", "222233334444")
    names = numbers_by_name()
    with CaptureQueriesContext(connection) as read:
        found = [parse_who(text, names=names).account for text in ("Globex", "globex")]
    assert found == ["222233334444", "222233334444"]
    assert len(read) == 1
