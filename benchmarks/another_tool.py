"""What benchmarks.many_writers lets meddle: another tool that adds and removes statements of its own, with care."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

#: Account numbers of those whom it lets in.
_ITS = 900_000_000_000


class AnotherTool:
    """As the owner's administrator, each change with the revision it read: without one, AWS itself may lose what was written
    at the same moment. left: by function, the ids of its statements that AWS holds; edits: how many changes it made.
    """

    def __init__(self, sandbox: Sandbox, names: Sequence[str]) -> None:
        owner = next(account for account in sandbox.accounts if account.kind == "owner")
        self.left: dict[str, list[str]] = {name: [] for name in names}
        self.edits = 0
        self._client = boto3.client(
            "lambda",
            region_name="us-east-1",
            endpoint_url=sandbox.url,
            aws_access_key_id=owner.access_key_id,
            aws_secret_access_key=owner.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._edit)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _edit(self) -> None:
        """They come and go, at most three on each function at a time."""
        pick = random.Random(0)  # noqa: S311  # which one is next guards nothing
        while not self._ending.wait(0.05):
            name = pick.choice(list(self.left))
            mine = self.left[name]
            with contextlib.suppress(ClientError):  # somebody was faster, or it is full: next time
                revision = self._revision(name)
                if mine and (len(mine) > 2 or pick.random() < 0.5):
                    self._client.remove_permission(FunctionName=name, StatementId=mine[0], **revision)
                    mine.pop(0)
                else:
                    sid = f"tool-{self.edits}"
                    self._client.add_permission(
                        FunctionName=name,
                        StatementId=sid,
                        Action="lambda:InvokeFunction",
                        Principal=str(_ITS + self.edits),
                        **revision,
                    )
                    mine.append(sid)
                self.edits += 1

    def _revision(self, name: str) -> dict[str, str]:
        try:
            return {"RevisionId": self._client.get_policy(FunctionName=name)["RevisionId"]}
        except ClientError:
            return {}
