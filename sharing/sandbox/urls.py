"""Function URL configurations: one per function or alias, never for a version (aws-facts 7)."""

from hashlib import sha256
from typing import Any

from sharing.sandbox import shapes
from sharing.sandbox.errors import Reply, as_json, conflict, invalid, missing
from sharing.sandbox.estate import Estate, Function, Target, Url
from sharing.sandbox.functions import Functions, timestamp


def url_of(function: Function, qualifier: str) -> str:
    """A function URL like AWS makes them: stable for the function and qualifier."""
    digest = sha256(function.qualified(qualifier or None).encode()).hexdigest()[:32]
    return f"https://{digest}.lambda-url.{function.region}.on.aws/"


class Urls:
    """Operations on an estate's URLs. Callers have been authorised and the parameters validated before."""

    def __init__(self, estate: Estate, functions: Functions) -> None:
        self.estate = estate
        self.functions = functions

    def list_urls(self, target: Target, parameters: dict[str, Any]) -> Reply:
        function = self.functions.find(target)
        chosen, marker = shapes.page(sorted(function.urls.items()), parameters, lambda entry: entry[0])
        return as_json(shapes.with_marker({"FunctionUrlConfigs": [shapes.url(function, q, u) for q, u in chosen]}, marker))

    def get_url(self, target: Target) -> Reply:
        function = self.functions.find(target)
        return as_json(shapes.url(function, target.qualifier or "", self._url(function, target.qualifier)))

    def create_url(self, target: Target, parameters: dict[str, Any]) -> Reply:
        with self.estate.lock:
            function = self.functions.find(target)
            qualifier = target.qualifier or ""
            if qualifier and qualifier not in function.aliases:
                raise invalid("A function URL belongs to the function or to an alias, never to a version.")
            if qualifier in function.urls:
                raise conflict(f"FunctionUrlConfig exists for this Lambda function: {function.qualified(qualifier or None)}")
            mode = parameters.get("InvokeMode", "BUFFERED")
            now = timestamp()
            function.urls[qualifier] = Url(
                parameters["AuthType"], url_of(function, qualifier), mode, now, now, parameters.get("Cors")
            )
            return as_json(shapes.url(function, qualifier, function.urls[qualifier]), 201)

    def update_url(self, target: Target, parameters: dict[str, Any]) -> Reply:
        with self.estate.lock:
            function = self.functions.find(target)
            held = self._url(function, target.qualifier)
            held.auth_type = parameters.get("AuthType", held.auth_type)
            held.invoke_mode = parameters.get("InvokeMode", held.invoke_mode)
            held.cors = parameters.get("Cors", held.cors)
            held.modified = timestamp()
            return as_json(shapes.url(function, target.qualifier or "", held))

    def delete_url(self, target: Target) -> Reply:
        with self.estate.lock:
            function = self.functions.find(target)
            self._url(function, target.qualifier)
            del function.urls[target.qualifier or ""]
            return Reply(204)

    def _url(self, function: Function, qualifier: str | None) -> Url:
        if (qualifier or "") not in function.urls:
            raise missing()
        return function.urls[qualifier or ""]
