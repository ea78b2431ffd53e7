"""What stands at the top of every file: what it does, in which account, and what has to be put in first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """`account`: 12 digits; `where`: the same with its name. `fill_in`: texts to put in wherever they stand."""

    title: str
    account: str
    where: str
    region: str
    filename: str
    fill_in: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self, runner: str) -> list[str]:
        """For a script."""
        file = f"{runner} {self.filename}"
        return [
            self.title,
            "",
            f"Acts {self.where}, region {self.region}, with whatever credentials it finds, and in no other account.",
            "",
            f"    {file}: does it; what is so already stays as it is",
            f"    {file} --show: shows what would change, and writes nothing",
            f"    {file} --undo: takes it back, and nothing else",
            *(["", *self.notes] if self.notes else []),
        ]

    @staticmethod
    def flat(text: str) -> str:
        """The text in one line, whatever it holds."""
        return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def comments(lines: Sequence[str]) -> str:
    """As comments of a shell, Python, YAML and Terraform; no line of it can be anything else."""
    found = []
    for line in lines:
        indent = line[: len(line) - len(line.lstrip(" "))]
        found.append(f"# {indent}{Heading.flat(line)}".rstrip())
    return "\n".join(found)
