"""A request as the wire carries it: its parts, its parameters, and which operation it asks for."""

from typing import Any
from urllib.parse import parse_qsl, unquote

from sharing.sandbox import lambda_api
from sharing.sandbox.signing import Request


def request_of(environ: dict[str, Any]) -> Request:
    """The request as it came over the wire."""
    uri = environ.get("REQUEST_URI") or environ.get("PATH_INFO", "/")
    path, _, query = uri.partition("?")
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    if environ.get("CONTENT_LENGTH"):
        headers["content-length"] = environ["CONTENT_LENGTH"]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    return Request(environ["REQUEST_METHOD"], path, query, headers, body)


def form_of(request: Request) -> dict[str, str]:
    """Parameters of the query protocol, from the body or (presigned) from the URL."""
    form = dict(parse_qsl(request.query, keep_blank_values=True))
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form |= dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    return form


def operation_of(service: str, request: Request, form: dict[str, str]) -> str:
    """The operation's name as the protocol carries it; `?` for REST services, where only method and path tell."""
    if service == "lambda":
        return lambda_api.operation_of(request)
    if "Action" in form:
        return form["Action"]
    if "x-amz-target" in request.headers:
        return request.headers["x-amz-target"].rpartition(".")[2]
    if service == "s3":
        return _of_bucket(request)
    if service == "account":
        last = request.path.rpartition("/")[2]
        return last[:1].upper() + last[1:]
    return "?"


def _of_bucket(request: Request) -> str:
    """The IAM action of the few S3 operations that matter here; `?` for the rest."""
    asked = dict(parse_qsl(request.query, keep_blank_values=True))
    if "notification" in asked:
        return {"PUT": "PutBucketNotification", "GET": "GetBucketNotification"}.get(request.method, "?")
    key = unquote(request.path).strip("/").partition("/")[2]
    if key and not asked.keys() - {"x-id", "versionId"}:
        return {"PUT": "PutObject", "GET": "GetObject", "DELETE": "DeleteObject"}.get(request.method, "?")
    return "?"
