"""`manage.py freeze` and `unfreeze`: with the web down and the broker away."""

import pytest

from sharing.models import Event, Freeze
from sharing.services import limits
from tests import factories
from tests.commands.running import run

pytestmark = pytest.mark.django_db


def test_a_shell_freezes_and_unfreezes() -> None:
    frozen = run("freeze", "--reason", "a leak", "--json")
    assert frozen.code == 0
    assert frozen.items[0]["reason"] == "a leak"
    assert limits.is_frozen()
    assert "Frozen since" in run("freeze").out, "twice is once"
    ended = run("unfreeze", "--reason", "over")
    assert (ended.code, "What waited goes on" in ended.out) == (0, True)
    assert not limits.is_frozen()
    assert list(Event.objects.order_by("sequence").values_list("verb", flat=True)) == ["freeze.began", "freeze.ended"]
    assert run("unfreeze", "--json").error["code"] == "stale"


def test_whom_the_operator_claims_to_act_for_has_to_be_an_admin() -> None:
    factories.person("owner", email="ann@example.com")
    assert run("freeze", "--by", "ann@example.com", "--json").error["code"] == "not-permitted"
    assert not Freeze.objects.exists()
