"""How an event source is wired to a function of another account: the right call, in the right account, in the right order."""

from .mapping import MappingOptions
from .notifications import Overlap, merged, overlaps, without
from .planner import plan
from .pulling import queue_url
from .shapes import Plan, Refusal, Seen, Side, Step, Undo
from .sources import SOURCES, Crossing, SourceKind, Style, recognise

__all__ = [
    "SOURCES",
    "Crossing",
    "MappingOptions",
    "Overlap",
    "Plan",
    "Refusal",
    "Seen",
    "Side",
    "SourceKind",
    "Step",
    "Style",
    "Undo",
    "merged",
    "overlaps",
    "plan",
    "queue_url",
    "recognise",
    "without",
]
