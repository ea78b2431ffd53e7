"""Pages of a long list."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:  # generic for the type checker only
    AnyPage = Page[Any]
    AnyPaginator = Paginator[Any]
else:
    AnyPage = Page
    AnyPaginator = Paginator

SIZE = 50


class Countable(Protocol):
    """What can be counted and sliced without being a QuerySet."""

    ordered: bool

    def count(self) -> int: ...

    def __getitem__(self, wanted: slice) -> Any: ...


class NumberedPage(AnyPage):
    """A page that knows which page numbers to offer."""

    def numbers(self) -> Iterator[int | str]:
        """First, last and neighbouring page numbers, with an ellipsis between."""
        return self.paginator.get_elided_page_range(self.number, on_each_side=1, on_ends=1)


class NumberedPaginator(AnyPaginator):
    """Makes NumberedPages."""

    def _get_page(self, *args: Any, **kwargs: Any) -> NumberedPage:
        return NumberedPage(*args, **kwargs)


class KeysFirst:
    """Rows that are found by their keys, to be counted and sliced: only those of the page are read, however far it is.

    `related`: what is loaded with them.
    """

    ordered = True

    def __init__(self, rows: "QuerySet[Any, Any]", *related: str) -> None:
        self._rows, self._related = rows, related

    def count(self) -> int:
        """How many."""
        return self._rows.count()

    def __getitem__(self, wanted: slice) -> list[Any]:
        keys = list(self._rows.values_list("pk", flat=True)[wanted])
        found = self._rows.model._default_manager.select_related(*self._related).in_bulk(keys)
        return [found[key] for key in keys if key in found]


def page_of(
    rows: "QuerySet[Any, Any] | Countable | Sequence[Any]",
    request: HttpRequest,
    size: int = SIZE,
    name: str = "page",
    *,
    many: int | None = None,
) -> AnyPage:
    """The page that the address asks for (`?page=3`, or another `name`); a number out of range gives the nearest.

    many: how many rows there are, if that is known. Two queries at any size, one with `many`.
    """
    paginator = NumberedPaginator(cast("QuerySet[Any, Any]", rows), size)
    if many is not None:
        paginator.count = many
    return paginator.get_page(request.GET.get(name))
