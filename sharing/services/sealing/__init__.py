"""Sealing history, so that a changed, removed or added line is evident to whoever kept an earlier seal.

Each seal is a SHA-256 over the seal before and the lines since, made by a worker and, with a key, signed by it. Whoever can
write to the database can make all seals anew; then they are not signed by the key that web lacks, and do not fit what was
sent outside or printed in an evidence report.
"""

from .exporting import FromExport, export
from .lines import FIELDS, Line, Sealed, digest_of, line_of
from .making import SETTLED, one_at_a_time, seal
from .verifying import FromDatabase, Head, Verified, heads_in, verify

__all__ = [
    "FIELDS",
    "SETTLED",
    "FromDatabase",
    "FromExport",
    "Head",
    "Line",
    "Sealed",
    "Verified",
    "digest_of",
    "export",
    "heads_in",
    "line_of",
    "one_at_a_time",
    "seal",
    "verify",
]
