"""Where things stand in the map. Pure geometry: nothing here knows what a node is, and nothing is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log10

WIDTH = 960
BOX_WIDTH, BOX_HEIGHT, GAP = 300, 44, 10
TOP = 34  # room for the headings
_RIGHT = WIDTH - BOX_WIDTH
_LETTERS = 34  # that fit into a box beside its icon


@dataclass(frozen=True)
class Box:
    """One node: `x`, `y` of its upper left corner; `text` fits into it."""

    key: str
    x: int
    y: int
    text: str
    beneath: str
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT

    @property
    def text_y(self) -> int:
        """The base line of the first line; lower when it is the only one."""
        return self.y + (18 if self.beneath else 27)

    @property
    def beneath_y(self) -> int:
        return self.y + 35

    @property
    def text_x(self) -> int:
        return self.x + 36

    @property
    def icon_x(self) -> int:
        return self.x + 11

    @property
    def icon_y(self) -> int:
        return self.y + 14


@dataclass(frozen=True)
class Curve:
    """One edge: an SVG path, and its width by how much it stands for."""

    left: str
    right: str
    path: str
    width: str


@dataclass(frozen=True)
class Drawing:
    """Sizes in user units of the picture's own coordinates."""

    width: int
    height: int
    left: tuple[Box, ...]
    right: tuple[Box, ...]
    curves: tuple[Curve, ...]


def draw(
    left: Sequence[tuple[str, str, str]], right: Sequence[tuple[str, str, str]], edges: Iterable[tuple[str, str, int]]
) -> Drawing:
    """Two columns of boxes, each in the middle of the height, joined by curves.

    left, right: (key, label, second line) from top to bottom. edges: (left key, right key, how much it stands for).
    Edges between keys that are not there are left out.
    """
    rows = max(len(left), len(right), 1)
    height = TOP + rows * (BOX_HEIGHT + GAP)
    boxes = {side: _column(side, nodes, rows) for side, nodes in ((0, left), (1, right))}
    starts = {box.key: box for box in boxes[0]}
    ends = {box.key: box for box in boxes[1]}
    curves = tuple(
        Curve(one, other, _path(starts[one], ends[other]), _thickness(many))
        for one, other, many in edges
        if one in starts and other in ends
    )
    return Drawing(WIDTH, height, boxes[0], boxes[1], curves)


def _column(side: int, nodes: Sequence[tuple[str, str, str]], rows: int) -> tuple[Box, ...]:
    first = TOP + (rows - len(nodes)) * (BOX_HEIGHT + GAP) // 2
    return tuple(
        Box(key, side * _RIGHT, first + place * (BOX_HEIGHT + GAP), fitted(label), fitted(beneath, _LETTERS + 8))
        for place, (key, label, beneath) in enumerate(nodes)
    )


def fitted(text: str, letters: int = _LETTERS) -> str:
    """The text, or its beginning and its end around an ellipsis: names differ at either."""
    if len(text) <= letters:
        return text
    head = letters * 2 // 3
    return f"{text[:head].rstrip()}…{text[head + 1 - letters :].lstrip()}"


def _path(start: Box, end: Box) -> str:
    x1, y1 = start.x + start.width, start.y + start.height // 2
    x2, y2 = end.x, end.y + end.height // 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"


def _thickness(many: int) -> str:
    return f"{1.25 + min(3.0, 1.5 * log10(max(1, many))):.2f}"
