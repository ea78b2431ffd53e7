"""What templates declare, written out: CloudFormation as YAML, Terraform in its language, parts for others' files apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...infrastructure import hcl, indented
from .heading import comments
from .templates import Block, Own, Part

#: Parts that are resources of their own in Terraform: no other file owns the whole.
_RESOURCES = ("aws_cloudwatch_event_target", "aws_api_gateway_integration")


def cloudformation(lines: Sequence[str], declared: Sequence[Own | Part]) -> str:
    """A template of what stands by itself; "" when nothing does."""
    resources = {
        one.name: {"Type": one.cloudformation, "Properties": one.properties} for one in declared if isinstance(one, Own)
    }
    if not resources:
        return ""
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    return f"{comments(lines)}\n{json.dumps(template, indent=2)}\n"


def cloudformation_parts(declared: Sequence[Own | Part]) -> str:
    """What goes into templates that own the whole; "" when nothing does."""
    found = [
        f"{comments([f'Into {one.into}:'])}\n{json.dumps(one.value, indent=2)}\n" for one in declared if isinstance(one, Part)
    ]
    return "---\n".join(found)


def terraform(lines: Sequence[str], declared: Sequence[Own | Part], label: str) -> str:
    """Resources that stand by themselves; "" when nothing does."""
    found = []
    for one in declared:
        if isinstance(one, Part):
            if one.block in _RESOURCES:
                found.append(_resource(one.block, label, one.body))
            continue
        if one.terraform:
            found.append(_resource(one.terraform[0], label, one.terraform[1]))
        found += [_resource(kind, label, body) for kind, _, body in one.more]
    return "\n\n".join([comments(lines), *found, ""]) if found else ""


def terraform_parts(declared: Sequence[Own | Part]) -> str:
    """Blocks and arguments for files that own the whole; "" when nothing does."""
    found = []
    for one in declared:
        if isinstance(one, Part) and one.block not in _RESOURCES:
            body = _body(one.body, 1 if one.block else 0)
            text = f"{one.block} {{\n{body}\n}}" if one.block else body
            found.append(f"{comments([f'Into {one.terraform_into}:'])}\n{text}\n")
    return "\n".join(found)


def _resource(kind: str, label: str, body: Mapping[str, Any]) -> str:
    return f'resource "{kind}" "{label}" {{\n{_body(body, 1)}\n}}'


def _body(body: Mapping[str, Any], depth: int) -> str:
    space = "  " * depth
    plain = {name: value for name, value in body.items() if not _is_block(value)}
    width = max((len(name) for name in plain), default=0)
    lines = [f"{space}{name:<{width}} = {_value(value, depth)}" for name, value in plain.items()]
    for name, value in body.items():
        if _is_block(value):
            for one in value if isinstance(value, list) else [value]:
                lines += [f"{space}{name} {{", _body(one.body, depth + 1), f"{space}}}"]
    return "\n".join(lines)


def _is_block(value: Any) -> bool:
    return isinstance(value, Block) or (isinstance(value, list) and bool(value) and isinstance(value[0], Block))


def _value(value: Any, depth: int) -> str:
    """Policies are texts in JSON there; the maps of a pipeline's action and of locals are maps."""
    if isinstance(value, Mapping) and "Version" in value and "Statement" in value:
        return f"jsonencode({indented(hcl(dict(value), indent=2), 2 * depth)})"
    if isinstance(value, Mapping):
        return indented(hcl(dict(value), indent=2), 2 * depth)
    return hcl(value)
