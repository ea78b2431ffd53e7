"""The answer as one sentence: yes as far as the owner's side goes, no, or depends. Depends is never safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sharing.policy import Outcome, Statement

from .doubts import in_words

if TYPE_CHECKING:
    from .questioning import Question
    from .reasoning import OwnersSide


def verdict_of(asked: Question, owner: OwnersSide, *, same: bool) -> tuple[str, str, tuple[str, ...]]:
    who, place = asked.label, asked.place
    if owner.problem:
        if owner.settled:
            return "no", f"No: {owner.problem}", ()
        return "depends", f"Not known: {owner.problem}", (owner.problem,)
    doubts = in_words(owner, asked)
    verdict = "depends"
    if owner.outcome is Outcome.DENIED:
        verdict, sentence = "no", f"No: {_listed(owner.statements, 'the Deny')} forbids {who} to {asked.deed}."
    elif owner.outcome is Outcome.ALLOWED and same and owner.delegated:
        sentence = f"It depends on IAM inside the account: the policy of {place} leaves it to the account's own administrators."
        doubts = (*doubts, f"the identity policies of {who}, in the function's own account")
    elif owner.lets_in:
        verdict = "yes"
        sentence = (
            f"Yes, as far as the owner's side goes: {_listed(owner.statements, 'the statement')} lets {who} {asked.deed}."
        )
    elif owner.outcome is Outcome.ALLOWED:
        sentence = f"It depends: {_listed(owner.statements, 'the statement')} would let {who} {asked.deed}."
    elif same:
        sentence = f"It depends on IAM inside the account: the policy of {place} does not name {who}, and need not."
        doubts = (*doubts, f"the identity policies of {who}, in the function's own account")
    else:
        verdict, sentence = _nothing(asked, owner)
        if verdict == "depends" and owner.certain:
            doubts = (*doubts, "which role or user of the account calls")
    if owner.stale:
        verdict, doubts = "depends", (owner.stale, *doubts)
        sentence = f"As last read: {sentence[:1].lower()}{sentence[1:]} It may be another by now."
    return verdict, sentence, doubts if verdict == "depends" else ()


def _nothing(asked: Question, owner: OwnersSide) -> tuple[str, str]:
    who, place = asked.label, asked.place
    if not owner.certain:
        return "depends", f"It depends: {_listed(owner.statements, 'the statement')} may let {who} {asked.deed}."
    allowed = [one.label for one in owner.exceptions if one.allowed]
    if allowed:
        shown = ", ".join(allowed[:3]) + (f" and {len(allowed) - 3} more" if len(allowed) > 3 else "")
        return "depends", f"It depends on who calls: not {who} as a whole, but {shown} may {asked.deed}."
    if not owner.has_policy:
        return "no", f"No: AWS has no policy on {place}, so nobody outside its account gets in."
    return "no", f"No: nothing in the policy lets {who} {asked.deed}."


def _listed(statements: tuple[Statement, ...], what: str) -> str:
    names = [f"“{one.name}”" for one in statements[:3]]
    if not names:
        return what
    more = f" and {len(statements) - 3} more" if len(statements) > 3 else ""
    return f"{what} {', '.join(names)}{more}"
