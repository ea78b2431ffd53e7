"""moto behind the layer: one process, its state global, reached in-process as a WSGI application.

moto believes any `x-moto-account-id` header; the layer drops the client's and sets the one it decided on.
"""

import io
import os
import threading
from typing import Any
from urllib.parse import quote

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.utils import get_backend
from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sharing.sandbox.errors import Reply
from sharing.sandbox.estate import Function
from sharing.sandbox.signing import Request, Scope


class Moto:
    """The application behind. One call at a time for IAM and Lambda, whose state the layer reads too."""

    def __init__(self) -> None:
        default_user_config["lambda"] = {"use_docker": False}
        os.environ.pop("MOTO_ACCOUNT_ID", None)  # it would make every caller that account
        self._application = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.RLock()

    def reset(self) -> None:
        """Forget everything moto holds, in every service and account."""
        with self._lock:
            BackendDict.reset()
            reset_model_data()

    def call(self, environ: dict[str, Any], request: Request, scope: Scope, account: str, body: bytes | None = None) -> Reply:
        """Hand a verified request to moto as a call in `account`. body: sent instead of the request's own."""
        content = request.body if body is None else body
        inner = {
            key: value
            for key, value in environ.items()
            if not key.startswith("HTTP_X_MOTO") and not key.startswith("waitress.")
        }
        inner |= {
            "wsgi.input": io.BytesIO(content),
            "CONTENT_LENGTH": str(len(content)),
            "HTTP_X_MOTO_ACCOUNT_ID": account,
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={scope.access_key_id}/{scope.date}/{scope.region}/"
            f"{scope.service}/aws4_request, SignedHeaders=host, Signature=0",
        }
        inner.pop("HTTP_TRANSFER_ENCODING", None)
        if scope.service in ("iam", "lambda"):
            with self._lock:
                return self._run(inner)
        return self._run(inner)

    def _run(self, environ: dict[str, Any]) -> Reply:
        reply = Reply()

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            reply.status = int(status.split()[0])
            for name, value in headers:
                if name.lower() == "content-type":
                    reply.content_type = value
                elif name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    reply.headers[name] = value
            return lambda data: None

        chunks = self._application(environ, start_response)
        try:
            reply.body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()
        return reply


def rewritten(environ: dict[str, Any], path: str) -> dict[str, Any]:
    """The same request at another path."""
    encoded = quote(path, safe="/:%")
    query = environ.get("QUERY_STRING", "")
    uri = f"{encoded}?{query}" if query else encoded
    return {**environ, "PATH_INFO": path, "REQUEST_URI": uri, "RAW_URI": uri}


def lambda_backend(account: str, region: str) -> LambdaBackend:
    return get_backend(account, region)


def mirror(function: Function) -> None:
    """Make sure moto knows a function of the estate, for the operations that moto carries out."""
    storage = lambda_backend(function.account, function.region)._lambdas
    if function.name in storage._functions:
        return
    spec = {
        "FunctionName": function.name,
        "Code": {"ZipFile": ""},
        "Role": function.latest.role,
        "Runtime": function.latest.runtime,
        "Handler": function.latest.handler,
    }
    copy = LambdaFunction(  # type: ignore[abstract]
        function.account, spec, function.region, "$LATEST"
    )
    storage._functions[function.name] = {"latest": copy, "versions": []}
    storage._arns[copy.function_arn] = copy


def forget(function: Function) -> None:
    """Drop moto's copy of a function that is gone."""
    storage = lambda_backend(function.account, function.region)._lambdas
    storage._functions.pop(function.name, None)
    storage._arns.pop(function.arn, None)
