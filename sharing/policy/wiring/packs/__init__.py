"""What is handed to whoever acts on the other side of a wiring: words, and a file for each tool.

`left_to_do`: for sources that fnshare lets in and does not wire, what is set at the source.
"""

from .assembling import FILL_IN, pack
from .helping import Help, left_to_do
from .shapes import Pack, Section, Told

__all__ = ["FILL_IN", "Help", "Pack", "Section", "Told", "left_to_do", "pack"]
