"""The map: nothing left out silently, whatever does not fit is folded with its number; and where things stand in it."""

from itertools import pairwise

import pytest

from sharing.models import Account
from sharing.services.access import account_matrix, picture
from sharing.services.access.drawing import BOX_HEIGHT, BOX_WIDTH, WIDTH, draw, fitted
from sharing.services.access.picture import MOST_LEFT, MOST_RIGHT, Edge, Picture
from sharing.services.trusting import Trust
from tests import factories
from tests.services.kept import ACME, GHOST, GLOBEX, allow, counted, kept, owner

pytestmark = pytest.mark.django_db


def of_account(account: Account) -> Picture:
    counted()
    return picture.of_account(account, trust=Trust())


def edge(of: Picture, left: str, right: str) -> Edge:
    labels = {node.key: node.label for node in (*of.left, *of.right)}
    return next(one for one in of.edges if (labels[one.left], labels[one.right]) == (left, right))


def test_functions_of_an_account_stand_by_parties_the_public_first() -> None:
    platform = owner()
    factories.account("Acme", ACME)
    one, two = factories.function("one", platform), factories.function("two", platform)
    factories.function("three", platform)
    kept(one, allow(ACME), allow(f"arn:aws:iam::{ACME}:role/app", "UpdateFunctionCode"), allow(GHOST))
    kept(two, allow("*"), allow("s3.amazonaws.com"))
    found = of_account(platform)
    assert [node.label for node in found.left] == ["two", "one"]
    assert [node.label for node in found.right] == ["Everyone", "Ghosts: deleted roles and users", "Amazon S3", "Acme"]
    public = edge(found, "two", "Everyone")
    assert (public.public, public.widest, public.latent) == ("yes", "invoke", False)
    assert edge(found, "two", "Amazon S3").open_service == "yes"
    assert edge(found, "one", "Acme").widest == "manage"
    assert edge(found, "one", "Ghosts: deleted roles and users").latent
    assert len(found.edges) == 4


def test_functions_that_do_not_fit_are_folded_with_their_number_and_only_what_they_add() -> None:
    platform = owner()
    for number in range(MOST_LEFT + 5):
        kept(factories.function(f"f{number:02}", platform), allow(ACME), *([allow("*")] if number == 20 else []))
    found = of_account(platform)
    assert found.left[0].label == "f20"
    rest = found.left[-1]
    assert (rest.label, rest.folded) == ("and 5 more functions", 5)
    acme = edge(found, rest.label, f"Account {ACME}")
    assert (acme.many, acme.classes) == (5, {"invoke"})
    assert not [one for one in found.edges if one.left == "rest" and one.right.startswith("everyone")]


def test_parties_that_do_not_fit_are_folded_by_kind() -> None:
    platform = owner()
    accounts = [allow(f"{700_000_000_000 + number}") for number in range(MOST_RIGHT + 7)]
    kept(factories.function("one", platform), *accounts, allow("*"))
    found = of_account(platform)
    assert len(found.right) == MOST_RIGHT + 1
    assert found.right[-1].label == "and 8 more accounts"
    assert edge(found, "one", "and 8 more accounts").many == 8
    assert found.left[0].beneath == f"us-east-1 · lets in {MOST_RIGHT + 8}"


def test_parties_that_go_while_the_picture_is_made_are_no_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = owner()
    kept(factories.function("one", platform), allow(ACME), allow(GHOST))
    monkeypatch.setattr(account_matrix, "many_parties", lambda _: {"ghost": 0})
    assert [node.folded for node in of_account(platform).right] == [0, 0]


def test_accounts_stand_by_parties_and_the_rest_is_folded() -> None:
    owners = [owner(f"Owner {number:02}") for number in range(MOST_LEFT + 3)]
    for one in owners:
        kept(factories.function("one", one), allow(ACME), allow(GLOBEX))
    kept(factories.function("two", owners[-1]), allow("*"))
    counted()
    found = picture.of_accounts(owners, trust=Trust(frozenset({ACME})))
    assert found.left[0].label == owners[-1].name
    assert (found.left[-1].label, found.left[-1].folded) == ("and 3 more accounts", 3)
    assert edge(found, "and 3 more accounts", f"Account {ACME}").many == 3
    assert edge(found, owners[-1].name, "Everyone").public == "yes"
    total = sum(one.many for one in found.edges if one.right == f"account:{ACME}")
    assert total == len(owners)


def test_what_was_never_counted_is_not_drawn_as_nothing_but_left_to_the_blind_spots() -> None:
    platform = owner()
    kept(factories.function("one", platform), allow(ACME))
    assert picture.of_accounts([platform], trust=Trust()).left == ()


class TestDrawing:
    def test_boxes_never_overlap_and_stay_inside(self) -> None:
        drawing = draw([("a", "A", ""), ("b", "B", "beneath")], [(str(n), "x" * 90, "") for n in range(7)], [("a", "3", 1)])
        for side in (drawing.left, drawing.right):
            assert all(one.y + BOX_HEIGHT < other.y for one, other in pairwise(side))
            assert all(box.x >= 0 and box.x + BOX_WIDTH <= WIDTH and box.y + BOX_HEIGHT <= drawing.height for box in side)
        assert drawing.left[0].x + BOX_WIDTH < drawing.right[0].x

    def test_a_line_begins_and_ends_at_its_boxes(self) -> None:
        drawing = draw([("a", "A", "")], [("b", "B", "")], [("a", "b", 1), ("a", "gone", 1)])
        (curve,) = drawing.curves
        left, right = drawing.left[0], drawing.right[0]
        middle = left.y + BOX_HEIGHT // 2
        assert curve.path.startswith(f"M{left.x + BOX_WIDTH} {middle}C")
        assert curve.path.endswith(f" {right.x} {middle}")

    def test_more_is_thicker_within_bounds(self) -> None:
        drawing = draw([("a", "A", "")], [("b", "B", "")], [("a", "b", many) for many in (0, 1, 50, 10**9)])
        widths = [float(curve.width) for curve in drawing.curves]
        assert widths == sorted(widths)
        assert widths[0] == 1.25
        assert widths[-1] <= 4.5

    def test_nothing_is_a_drawing_too(self) -> None:
        assert draw([], [], []).height > 0

    def test_long_names_keep_their_beginning_and_their_end(self) -> None:
        text = "quarterly-revenue-recognition-report-generator-for-all-countries"
        assert len(fitted(text)) <= 34
        assert fitted(text).startswith("quarterly-revenue")
        assert fitted(text).endswith("countries")
        assert fitted("short") == "short"
