"""The front door: every request is signed, metered, possibly struck by a planned fault, decided, answered and noted."""

import contextlib
import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from sharing.sandbox import alarms, behind, deliveries, elsewhere, lambda_api, rules, signing, touched, wire
from sharing.sandbox.authorization import Gate
from sharing.sandbox.behind import Moto
from sharing.sandbox.errors import AwsError, Reply, render, throttled
from sharing.sandbox.faults import Fault, Faults, When
from sharing.sandbox.identity import Caller
from sharing.sandbox.journal import Call, Journal, now
from sharing.sandbox.lambda_service import LambdaService, Subject
from sharing.sandbox.mappings import OPERATIONS as MAPPING_OPERATIONS
from sharing.sandbox.mappings import Mappings
from sharing.sandbox.signing import Request, Scope
from sharing.sandbox.switches import Limiter, Switches

StartResponse = Callable[..., Any]
Control = Callable[[str, str, dict[str, str], bytes], Reply | None]

log = logging.getLogger(__name__)

_CLOSED = {"/moto-api", "/latest/meta-data", "/latest/api"}


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Front:
    """The WSGI application that waitress serves."""

    def __init__(
        self,
        gate: Gate,
        service: LambdaService,
        moto: Moto,
        switches: Switches,
        faults: Faults,
        journal: Journal,
        control: Control,
        on_call: Callable[[Call], None] | None = None,
        page: Callable[[dict[str, Any]], Reply | None] | None = None,
    ) -> None:
        self.gate = gate
        self.service = service
        self.moto = moto
        self.deliveries = deliveries.Deliveries(service.estate, gate, switches, journal)
        self.mappings = Mappings(self.deliveries, switches)
        service.mapped = self.mappings.function_of
        self.elsewhere = elsewhere.Elsewhere(gate, moto, self.deliveries, self.mappings)
        self.switches = switches
        self.limiter = Limiter()
        self.faults = faults
        self.journal = journal
        self.control = control
        self.on_call = on_call
        self.page = page

    def lead_here(self) -> None:
        """Take what moto's sources send from now on: of the sandboxes of a process the one that runs."""
        for source in (deliveries, rules, alarms):
            source.lead_here(self.deliveries)
        self.mappings.lead_here()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = wire.request_of(environ)
        path = unquote(request.path)
        if path.startswith("/_sandbox") or any(path.startswith(prefix) for prefix in _CLOSED):
            found = self.page(environ) if self.page is not None and request.path == "/_sandbox/deliveries" else None
            if found is None and request.path.startswith("/_sandbox/"):
                found = self.control(request.method, request.path, dict(request.headers), request.body)
            return _send(found or Reply(404, b'{"message":"Not found"}'), start_response, "")
        request_id = str(uuid.uuid4())
        exchange = Exchange(self, environ, request, request_id)
        try:
            reply = exchange.run()
        except Dropped:
            exchange.note(0, "")
            _hang_up(environ)
            return _send(Reply(503), start_response, request_id)
        exchange.note(reply.status, exchange.error_code)
        return _send(reply, start_response, request_id)


class Exchange:
    """One request on its way through."""

    def __init__(self, front: Front, environ: dict[str, Any], request: Request, request_id: str) -> None:
        self.front = front
        self.environ = environ
        self.request = request
        self.request_id = request_id
        self.scope = signing.scope_of(request) or Scope("", "", "us-east-1", "")
        self.caller: Caller | None = None
        self.form = wire.form_of(request)
        self.subject = Subject("", self.scope.region, wire.operation_of(self.scope.service, request, self.form))
        self.error_code = ""

    def run(self) -> Reply:
        try:
            return self._answer()
        except AwsError as error:
            return self._refuse(error)
        except Dropped:
            raise
        except Exception:  # the door: whatever breaks inside is a 500, as on AWS
            log.exception("The sandbox failed on %s %s", self.request.method, self.request.path)
            return self._refuse(AwsError("ServiceException", 500, "The sandbox failed on this call; its log says why."))

    def _refuse(self, error: AwsError) -> Reply:
        self.error_code = error.code
        by_json = "x-amz-target" in self.request.headers
        return render(error, "" if by_json else self.scope.service or "lambda", self.request_id)

    def _answer(self) -> Reply:
        front = self.front
        if front.switches.latency:
            time.sleep(front.switches.latency)
        self.scope = signing.verify(self.request, front.gate.directory)
        self.caller = front.gate.directory.caller(self.scope.access_key_id)
        if self.caller is None:
            raise signing.refusal("unknown_key", self.scope.service)
        self.subject.account = self.caller.account
        context = front.gate.context(
            self.caller,
            self.scope.region,
            source_ip=str(self.environ.get("REMOTE_ADDR") or "127.0.0.1"),
            agent=self.request.headers.get("user-agent", ""),
        )
        if self.scope.service == "lambda":
            return self._lambda(self.caller, context)
        return self._other(self.caller, context)

    def _lambda(self, caller: Caller, context: dict[str, list[str]]) -> Reply:
        front = self.front
        call = lambda_api.parse(self.request)
        self.subject = front.service.describe(call, caller, self.scope.region)
        self.subject.request_id = self.request_id
        return self._with_faults(lambda: self._authorized(call, caller, context))

    def _with_faults(self, act: Callable[[], Reply]) -> Reply:
        """The call between its planned faults. A refusal is an answer too, and may be lost on its way."""
        self._strike("before")
        try:
            reply = act()
        except AwsError:
            self._strike("after")
            raise
        return replace(reply, body=reply.body[:-12]) if self._strike("after") == "cut" else reply

    def _authorized(self, call: lambda_api.LambdaCall, caller: Caller, context: dict[str, list[str]]) -> Reply:
        front = self.front
        if front.switches.rate_limits and not front.limiter.admits(caller.account, self.scope.region, call.operation):
            raise throttled()
        front.service.authorize(call, caller, self.subject, context)
        return self._perform(call, caller)

    def _perform(self, call: lambda_api.LambdaCall, caller: Caller) -> Reply:
        service, subject = self.front.service, self.subject
        if call.operation in MAPPING_OPERATIONS:
            return self.front.mappings.perform(call, caller.account, self.scope.region, subject.target)
        reply = service.perform(call, caller, subject)
        if reply is not None:
            return reply
        environ = self.environ
        if subject.target is not None:
            behind.mirror(service.functions.find(subject.target))
            name = self.request.path.split("/")[3]
            environ = behind.rewritten(environ, self.request.path.replace(name, subject.target.name, 1))
        reply = self.front.moto.call(environ, self.request, self.scope, subject.account)
        if reply.status in (404, 501) and b"does not exist" not in reply.body:
            raise AwsError("NotImplementedException", 501, f"The sandbox does not play lambda:{call.operation}.")
        return reply

    def _other(self, caller: Caller, context: dict[str, list[str]]) -> Reply:
        service, operation, form = self.scope.service, self.subject.operation, self.form
        parameters = form or touched.document_of(self.request)
        resource = touched.resource_of(service, operation, self.request, parameters, caller.account, self.scope.region)
        self.subject.resource = form.get("RoleArn", "") if service == "sts" else resource or ""
        self.subject.parameters = elsewhere.shown(service, form)
        asked = elsewhere.Asked(
            environ=self.environ,
            request=self.request,
            scope=self.scope,
            operation=operation,
            parameters=parameters,
            resource=resource,
            caller=caller,
            context=context,
            request_id=self.request_id,
        )
        return self._with_faults(lambda: self.front.elsewhere.answer(asked))

    def _strike(self, when: When) -> str:
        """Let a planned fault strike; what it was, if the call goes on."""
        target = self.subject.resource
        fault = self.front.faults.take(self.subject.operation, when, self.subject.account, target)
        if fault is None:
            return ""
        if fault.effect == "error":
            raise AwsError(fault.code, fault.status, fault.message, headers={"Retry-After": "1"} if fault.status == 429 else {})
        if fault.effect == "drop":
            raise Dropped
        if fault.effect == "hold":
            self._wait(fault, when)
        return fault.effect

    def _wait(self, fault: Fault, when: When) -> None:
        self.front.faults.hold(fault)
        gone = self.environ.get("waitress.client_disconnected")
        if when == "before" and gone is not None and gone():
            raise Dropped

    def note(self, status: int, error_code: str) -> None:
        target = self.subject.target
        caller = self.caller
        call = Call(
            at=now(),
            caller_account=caller.account if caller else "",
            caller_arn=caller.arn if caller else "",
            account=self.subject.account,
            region=self.scope.region,
            service=self.scope.service,
            operation=self.subject.operation,
            target=target.arn if target else self.subject.resource,
            qualifier=target.qualifier if target else None,
            parameters_summary=self.subject.parameters,
            status=status,
            error_code=error_code,
            request_id=self.request_id,
        )
        self.front.journal.record(call)
        if self.front.on_call is not None:
            self.front.on_call(call)


def _send(reply: Reply, start_response: StartResponse, request_id: str) -> Iterable[bytes]:
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = [(name, value) for name, value in reply.headers.items()]
    if request_id:
        headers.append(("x-amzn-RequestId", request_id))
    bodiless = reply.status in (204, 304)
    if not bodiless:
        headers += [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))]
    start_response(f"{reply.status} {phrase}", headers)
    return [] if bodiless else [reply.body]


def _hang_up(environ: dict[str, Any]) -> None:
    """Close the client's connection under waitress, so that it sees no answer at all."""
    watcher = environ.get("waitress.client_disconnected")
    channel = getattr(watcher, "__self__", None)
    if channel is not None:
        # The socket is gone already when the client went first.
        with contextlib.suppress(OSError, AttributeError):
            channel.socket.shutdown(socket.SHUT_RDWR)
