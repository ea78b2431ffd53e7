"""Connecting accounts: the roles through which they are entered, tested before they are used.

`prepare` → `register` → (a worker) `run_test` → connected. `Connection.verbs` then says what the role permits:
manager role: list, read, aliases, confirm, versions, tags, urls, mappings, layers, share, revoke, share_layers,
map, count, list_regions; checker role: check; invoker role: invoke; organisation role: describe, members; source role:
wire. A verb that is not named there was not tried.
"""

from .asking import after_rotation, pause, prepare, register, request_test, resume, rotate
from .entering import (
    due,
    functions,
    identify_worker,
    identity_due,
    invoker_role,
    layers,
    manager_of,
    metrics,
    pace,
    role,
    sources,
    worker,
)
from .leaving import WhatStays, disconnect, what_stays
from .reaching import reaches, source_role_of, source_roles_for
from .templates import cloudformation, role_commands, suggested_role_arn, trust_command
from .terraform import terraform
from .testing import run_test

__all__ = [
    "WhatStays",
    "after_rotation",
    "cloudformation",
    "disconnect",
    "due",
    "functions",
    "identify_worker",
    "identity_due",
    "invoker_role",
    "layers",
    "manager_of",
    "metrics",
    "pace",
    "pause",
    "prepare",
    "reaches",
    "register",
    "request_test",
    "resume",
    "role",
    "role_commands",
    "rotate",
    "run_test",
    "source_role_of",
    "source_roles_for",
    "sources",
    "suggested_role_arn",
    "terraform",
    "trust_command",
    "what_stays",
    "worker",
]
