"""`manage.py share-many`: every line judged, those that can be are shared, and the exit code says what is not."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sharing.models import Bulk, Grant
from tests import factories
from tests.commands.running import run
from tests.services.kept import ACME, GLOBEX, owner

if TYPE_CHECKING:
    from sharing.models import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def platform() -> "Account":
    return owner()


def file(folder: Path, *lines: str) -> str:
    path = folder / "list.csv"
    path.write_text("\n".join(("function,principal,action,until,reason", *lines)))
    return str(path)


def test_a_dry_run_says_what_would_become_of_each_line_and_keeps_nothing(platform: "Account", tmp_path: Path) -> None:
    factories.function("hello", platform)
    path = file(tmp_path, f"hello,{ACME},,,because", "nothing,nobody,,,because")
    ran = run("share-many", path, "--dry-run", "--json")
    assert ran.code == 1
    assert [(one["line"], one["verdict"]) for one in ran.items] == [(1, "ok"), (2, "function")]
    assert ran.error["code"] == "not-shareable"
    assert not Bulk.objects.exists()
    assert run("share-many", file(tmp_path, f"hello,{ACME},,,because"), "--dry-run", "--json").code == 0


def test_what_can_be_shared_is_and_the_rest_is_said(platform: "Account", tmp_path: Path) -> None:
    factories.function("hello", platform)
    path = file(tmp_path, f"hello,{ACME},,+90d,", f"hello,{GLOBEX},,soon,", "hello,s3.amazonaws.com,,,")
    ran = run("share-many", path, "--reason", "because", "--json")
    assert ran.code == 1
    assert [one["outcome"] for one in ran.items] == ["waiting", "skipped", "waiting"]
    bulk = Bulk.objects.get()
    assert (str(bulk.pk), bulk.state) == (ran.data["bulk"], "running")
    assert bulk.requested_as.startswith("operator ")
    assert not Grant.objects.exists()


@pytest.mark.parametrize(("name", "code"), [("missing.csv", 2), ("empty.csv", 1)])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, name: str, code: int) -> None:
    (tmp_path / "empty.csv").write_text("")
    ran = run("share-many", str(tmp_path / name), "--json")
    assert ran.code == code
    assert ran.error["next"]


def test_nothing_that_can_be_shared_keeps_a_preview_only(tmp_path: Path) -> None:
    ran = run("share-many", file(tmp_path, "nothing,nobody,,,x"), "--json")
    assert ran.code == 1
    assert ran.error["code"] == "nothing-to-share"
