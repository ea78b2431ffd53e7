"""What each statement of a policy lets in, put together from the policy room's exposures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sharing.policy import Exposure

_WIDTH = {"no": 0, "depends": 1, "yes": 2}


@dataclass(frozen=True)
class Judged:
    """The widest of one statement's exposures. `reduced`: all of them, none for a Deny or one that lets nobody in."""

    public: str = "no"
    external: str = "no"
    open_service: str = "no"
    depends_on: tuple[str, ...] = ()
    latent: str = ""
    reduced: tuple[Exposure, ...] = ()


def judge(found: list[Exposure]) -> dict[int, Judged]:
    """By statement index. A statement is latent only if everything it lets in is."""
    by_index: dict[int, list[Exposure]] = {}
    for one in found:
        for statement in one.statements:
            by_index.setdefault(statement.index, []).append(one)
    return {index: _together(reduced) for index, reduced in by_index.items()}


def _together(reduced: list[Exposure]) -> Judged:
    reasons = [reason for one in reduced for reason in one.depends_on]
    latent = [one.latent for one in reduced]
    return Judged(
        public=widest(str(one.public) for one in reduced),
        external=widest(str(one.external) for one in reduced),
        open_service=widest(str(one.open_service) for one in reduced),
        depends_on=tuple(dict.fromkeys(reasons)),
        latent=(latent[0] or "") if all(latent) else "",
        reduced=tuple(reduced),
    )


def widest(answers: Iterable[str]) -> str:
    """The least safe answer: yes before depends before no."""
    return max(answers, key=lambda answer: _WIDTH[answer], default="no")
