"""The policy room is pure: it can be imported, and used, without Django, AWS's SDK, Celery, network or clock."""

from __future__ import annotations

import json
import subprocess
import sys

PROBE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "boto3", "botocore", "celery", "redis", "requests", "urllib3", "moto"}:
            raise ImportError(f"the policy room must not need {name}")
sys.meta_path.insert(0, Refuse())
import socket
def refuse(*args, **kwargs):
    raise OSError("no network")
socket.socket = refuse
import pkgutil, importlib, json
import sharing.policy
for found in pkgutil.iter_modules(sharing.policy.__path__, "sharing.policy."):
    importlib.import_module(found.name)
from sharing.policy import decide, exposures
F = "arn:aws:lambda:us-east-1:444455556666:function:f"
document = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": F}]}
print(json.dumps([
    decide(document, function_arn=F, principal="111122223333").outcome,
    exposures(document, function_arn=F, owner_account="444455556666")[0].public,
    sorted(name for name in sys.modules if name.split(".")[0] in {"django", "boto3", "celery"}),
]))
"""


def test_it_is_imported_and_used_where_nothing_else_is_installed() -> None:
    found = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == ["allowed", "yes", []]
