"""The one door to a real call: one attempt, one function, one kind of role, and no guess about what an answer was."""

import ast
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody

import sharing
from sharing.aws.invoking import KEPT, Invoker, InvokerRole, MayHaveRun, NotRun
from sharing.policy import ArnError

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

ROOT = Path(sharing.__file__).parent
SESSION = "fnshare-invoke-1"


@pytest.fixture
def platform(sandbox: "Sandbox") -> InvokerRole:
    account = sandbox.account("Platform")
    return InvokerRole("aws", account.id, account.invoker_role_arn, account.invoker_external_id, "invoker")


def arn(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:444455556666:function:{name}"


def _calls(of: str) -> Iterator[str]:
    """Files of the product, without the sandbox, that call something of this name."""
    for path in sorted(ROOT.rglob("*.py")):
        if "sandbox" in path.parts or "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name == of:
                    yield str(path.relative_to(ROOT))


def test_nothing_else_invokes_and_one_function_alone_makes_an_invoker_role() -> None:
    # checking.py asks for a DryRun, running.py calls Invoker.invoke.
    assert set(_calls("invoke")) == {"aws/checking.py", "aws/invoking.py", "services/invoking/running.py"}
    assert list(_calls("InvokerRole")) == ["services/connecting/entering.py"]
    assert list(_calls("Invoker")) == ["services/invoking/running.py"]
    assert set(_calls("invoke_async")) == set(_calls("invoke_with_response_stream")) == set()
    dry_run = (ROOT / "aws/checking.py").read_text()
    assert dry_run.count('"InvocationType": "DryRun"') == dry_run.count("client.invoke(") == 1


@pytest.mark.parametrize("purpose", ["manager", "checker", "organization", "", "Invoker"])
def test_a_role_of_another_purpose_is_none(purpose: str) -> None:
    with pytest.raises(ValueError, match="never invokes"):
        InvokerRole("aws", "444455556666", "arn:aws:iam::444455556666:role/x", "an-external-id", purpose)


def test_what_is_no_function_is_refused_before_any_call(sandbox: "Sandbox", platform: InvokerRole) -> None:
    with pytest.raises(ArnError):
        Invoker(platform, "hello_world", session_name=SESSION)
    assert not sandbox.journal.of("AssumeRole")


def test_an_endpoint_that_is_not_there_was_not_called(
    sandbox: "Sandbox", platform: InvokerRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9")  # nothing listens there
    invoker = Invoker(platform, arn("hello_world"), session_name=SESSION)
    with pytest.raises(NotRun, match="Nothing was called"):
        invoker.invoke("RequestResponse", b"{}", log_tail=True)


class Broken(io.RawIOBase):
    """A body that comes to an end too soon, in one way or another."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def read(self, *_: Any) -> bytes:
        raise self.problem


@pytest.mark.parametrize("problem", [ReadTimeoutError(endpoint_url="x"), ConnectionResetError(), ValueError("half a chunk")])
def test_a_body_that_breaks_off_may_have_run(
    sandbox: "Sandbox", platform: InvokerRole, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    invoker = Invoker(platform, arn("hello_world"), session_name=SESSION)
    broken: Any = Broken(problem)
    said = {"StatusCode": 200, "ResponseMetadata": {}, "Payload": StreamingBody(broken, 10)}
    monkeypatch.setattr(invoker._client, "invoke", lambda **_: said)
    with pytest.raises(MayHaveRun) as raised:
        invoker.invoke("RequestResponse", b"{}", log_tail=True)
    assert raised.value.__cause__ is None


def test_no_more_of_an_answer_is_read_than_is_kept(
    sandbox: "Sandbox", platform: InvokerRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoker = Invoker(platform, arn("hello_world"), session_name=SESSION)
    body = io.BytesIO(b"x" * 6_000_000)
    headers = {"content-length": "6000000"}
    said = {"StatusCode": 200, "ResponseMetadata": {"HTTPHeaders": headers}, "Payload": StreamingBody(body, 6_000_000)}
    monkeypatch.setattr(invoker._client, "invoke", lambda **_: said)
    monkeypatch.setattr(body, "close", lambda: None)
    answer = invoker.invoke("RequestResponse", b"", log_tail=False)
    assert (answer.cut, answer.size, len(answer.payload)) == (True, 6_000_000, KEPT)
    assert body.tell() == KEPT + 1
