"""From a plan to the pack of a side: the steps in words, and a file for each tool and account."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ...arn import Arn, ArnError
from ..shapes import Plan, Side, Step
from . import python, shell, writing
from .doing import ROLE_NAME, done
from .heading import Heading
from .shapes import Act, Change, Done, Lookup, Pack, Request, Section, Told
from .templates import declared

ACCOUNT: Final = "<ACCOUNT ID>"
#: Every text that only the account can fill in. A source's own name is never one, whatever it looks like.
FILL_IN: Final = frozenset(
    {
        ACCOUNT, ROLE_NAME, "<API ID>", "<CONFIG RULE NAME>", "<EXECUTION ROLE ARN>", "<METHOD>", "<PIPE NAME>",
        "<PIPE SOURCE ARN>", "<RATE OR CRON EXPRESSION>", "<RECIPIENT>", "<RESOURCE ID>", "<ROLE ARN>", "<RULE NAME>",
        "<RULE SET NAME>", "<SCHEDULE NAME>", "<SECRET ARN>", "<SELECT STATEMENT OF THE RULE>", "<STAGE>",
    }
)  # fmt: skip
_UNQUOTABLE: Final = "<ROLE ARN IN THE SOURCE'S ACCOUNT>"


@dataclass(frozen=True, slots=True)
class Place:
    """Where steps are done: each has files of its own."""

    side: Side
    account: str
    region: str


def pack(plan: Plan, *, names: Mapping[str, str] | None = None, side: Side | None = None) -> Pack:
    """What others have to do for this plan: every step that is not ours, or those of one side.

    `names`: what accounts are called, by their digits. `side`: only this side's steps; the others are named as done by others.
    """
    called = names or {}
    mine = [step for step in plan.theirs if side is None or step.side is side]
    before = [f"{_swap(step.sentence).rstrip('.')}, {_where(step, called)}." for step in plan.steps if step not in mine]
    steps = [_plain(done(plan, replace(step, sentence=_swap(step.sentence)))) for step in mine]
    told = tuple(
        Told(
            one.step,
            _where(one.step, called),
            tuple(dict.fromkeys(Heading.flat(line) for line in (*one.lines, *one.step.notes))),
            _fill_in([one]),
        )
        for one in steps
    )
    sections: list[Section] = []
    places = list(dict.fromkeys(_place(plan, one.step) for one in steps))
    for place in places:
        group = [one for one in steps if _place(plan, one.step) == place]
        same_side = len({each.region for each in places if each.side is place.side}) > 1
        prefix = "" if len(places) == 1 else f"{place.side.value}-{f'{place.region}-' if same_side else ''}"
        sections += _sections(plan, group, place, called, prefix)
    return Pack(
        Heading.flat(f"{plan.label} {_name(plan.source)} → {plan.function.name}"),
        told,
        tuple(sections),
        _fill_in(steps, [ACCOUNT] if any(not one.step.account for one in steps if one.deeds) else []),
        tuple(Heading.flat(one) for one in before),
        tuple(Heading.flat(note) for note in plan.notes),
    )


def _sections(plan: Plan, group: Sequence[Done], place: Place, names: Mapping[str, str], prefix: str) -> list[Section]:
    side, account, region = place.side, place.account, place.region
    given = account or ACCOUNT
    title = f"{plan.label} {_name(plan.source)} wired to {plan.function}"
    fill_in = _fill_in(group, [] if account else [ACCOUNT])
    where = _where(group[0].step, names)

    def heading(filename: str) -> Heading:
        return Heading(title, given, where, region, filename, fill_in, tuple(f"{one.step.sentence}" for one in group))

    found: list[Section] = []

    def add(tool: str, titled: str, language: str, filename: str, text: str, note: str, undo: str) -> None:
        if text:
            named = f"{titled} {where}" if prefix else titled
            found.append(Section(named, tool, language, f"{prefix}{filename}", text, side, account, note, undo))

    if any(one.deeds for one in group):
        needs = "Nothing but bash, python3 and the AWS CLI. It checks the account first; --show writes nothing."
        add(
            "cli",
            "AWS CLI",
            "sh",
            "wire.sh",
            shell.script(heading(f"{prefix}wire.sh"), group),
            needs,
            "With --undo, in the same way.",
        )
        text = python.script(heading(f"{prefix}wire.py"), group)
        add(
            "boto3",
            "Python (boto3)",
            "python",
            "wire.py",
            text,
            "It checks the account first; --show writes nothing.",
            "With --undo, in the same way.",
        )
    each = [one for done_ in group for one in declared(plan, done_)]
    lines = [title, *(one.step.sentence for one in group), *(f"Put in first: {text}" for text in fill_in)]
    label = re.sub(r"[^a-z0-9]+", "_", f"wire_{plan.kind}_{plan.function.name}".lower()).strip("_")
    iam = "Deploy it with CAPABILITY_NAMED_IAM. " if any("IAM" in getattr(one, "cloudformation", "") for one in each) else ""
    add(
        "cloudformation",
        "CloudFormation",
        "yaml",
        "wire.template.yaml",
        writing.cloudformation(lines, each),
        f"{iam}In {region}.",
        "Delete the stack.",
    )
    add(
        "cloudformation",
        "CloudFormation, for your own template",
        "yaml",
        "add-to-your-template.yaml",
        writing.cloudformation_parts(each),
        "Add this to the resource named, beside what it has: it owns the whole, so nothing can be declared next to it.",
        "Take it out of your template again.",
    )
    add(
        "terraform",
        "Terraform",
        "hcl",
        "wire.tf",
        writing.terraform(lines, each, label),
        f"The provider must be that of {region}.",
        "Destroy these resources.",
    )
    add(
        "terraform",
        "Terraform, for your own files",
        "hcl",
        "add-to-your-files.txt",
        writing.terraform_parts(each),
        "Add this to what is named, beside what it has: it owns the whole, so nothing can be declared next to it.",
        "Take it out of your files again.",
    )
    return found


def _where(step: Step, names: Mapping[str, str]) -> str:
    whose = "in the function's account" if _side(step) is Side.OWNER else "in the source's account"
    account = step.account or ACCOUNT
    name = Heading.flat(names.get(step.account, ""))
    return f"{whose} ({f'{name}, ' if name else ''}{account})"


def _place(plan: Plan, step: Step) -> Place:
    """The function's policy, role and mappings are in its region, all else in the source's; a bucket's ARN names none."""
    region = plan.function.region
    if step.side is Side.SOURCE or step.key in ("subscription", "source", "notification", "target", "alarm-action"):
        with contextlib.suppress(ArnError):  # a skill's id is no ARN
            region = Arn.parse(plan.source).region or region
    return Place(_side(step), step.account, region)


def _side(step: Step) -> Side:
    """Where nobody knows the source's account, the planner cannot tell it from the function's."""
    return step.side if step.account else Side.SOURCE


def _name(source: str) -> str:
    return source.split(":", 5)[-1]


def _plain(one: Done) -> Done:
    """With placeholders that survive every language's quotes."""
    return Done(one.step, tuple(_swap(deed) for deed in one.deeds), one.lines, one.more)


def _swap(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(_UNQUOTABLE, "<ROLE ARN>")
    if isinstance(value, Mapping):
        return {name: _swap(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return tuple(_swap(one) for one in value)
    if isinstance(value, list):
        return [_swap(one) for one in value]
    if isinstance(value, (Act, Change, Lookup, Request)):
        return type(value)(**{name: _swap(getattr(value, name)) for name in value.__dataclass_fields__})
    return value


def _fill_in(steps: Sequence[Done], more: Sequence[str] = ()) -> tuple[str, ...]:
    text = json.dumps([_texts(deed) for one in steps for deed in one.deeds], ensure_ascii=False)
    return tuple(sorted({found for found in re.findall(r"<[A-Z][A-Z ]*>", text) if found in FILL_IN} | set(more)))


def _texts(value: Any) -> Any:
    if isinstance(value, (Act, Change, Lookup, Request)):
        return [_texts(getattr(value, name)) for name in value.__dataclass_fields__]
    if isinstance(value, (list, tuple)):
        return [_texts(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _texts(one) for name, one in value.items()}
    return value
