"""The local AWS: moto in one process under a strict layer, served over real HTTP by waitress.

    sandbox = Sandbox(story="demo")
    sandbox.start()            # sandbox.url, sandbox.accounts
    sandbox.stop()

moto's state belongs to the process, so only one sandbox can run in a process at a time.

Where nobody outside AWS knows the answer (aws-facts section 9), the sandbox takes one: an unknown action name is stored;
PutResourcePolicy on $LATEST is refused; a function-level document never lets an alias be called; the policy is gone with
its last statement (a switch leaves it empty); a policy's RevisionId is its own; deleted principals show as AROA or AIDA
ids; a mapping onto a foreign function is AccessDenied; a foreign function that is missing is 403, not 404; for layers, see
layers.py.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from sharing.sandbox import story as stories
from sharing.sandbox.authorization import Gate
from sharing.sandbox.behind import Moto
from sharing.sandbox.channel import Channel
from sharing.sandbox.control import Control
from sharing.sandbox.delivery_page import DeliveryPage
from sharing.sandbox.estate import Estate
from sharing.sandbox.faults import Faults
from sharing.sandbox.front import Front
from sharing.sandbox.identity import Directory
from sharing.sandbox.journal import Call, Journal
from sharing.sandbox.lambda_service import LambdaService
from sharing.sandbox.seeding import Account, Seeding
from sharing.sandbox.switches import Switches

__all__ = ["Account", "PortTaken", "Sandbox"]

#: Held calls block a thread each, so there are many.
THREADS = 32
#: How often Lambda asks the queues of enabled mappings, besides whenever a message arrives.
POLL_SECONDS = 1.0

log = logging.getLogger(__name__)

_running = threading.Lock()


class PortTaken(OSError):
    """Another program listens on the asked port."""


class Sandbox(Seeding):
    """A running local AWS with its story, controls and journal. See Seeding for putting things into it."""

    def __init__(
        self,
        story: str = "demo",
        *,
        control_key: str = "",
        on_call: Callable[[Call], None] | None = None,
        show_deliveries: bool = False,
    ) -> None:
        stories.check(story)
        self.story = story
        self.url = ""
        self.switches = Switches()
        self.faults = Faults()
        self.journal = Journal()
        super().__init__(Directory(), Estate())
        self._moto = Moto()
        gate = Gate(self.directory, self.switches)
        service = LambdaService(self.estate, gate, self.switches, self.journal)
        control = Control(control_key, self.journal, self.switches, self.faults, self.reset)
        page = DeliveryPage(self.journal, self.directory) if show_deliveries else None
        self._front = Front(gate, service, self._moto, self.switches, self.faults, self.journal, control, on_call, page)
        self._server: Any = None
        self._sockets: dict[int, Any] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._poller: threading.Thread | None = None

    def start(self, host: str = "127.0.0.1", port: int = 0) -> "Sandbox":
        """Load the story and serve. port 0: any free one. Raises PortTaken; RuntimeError when one runs already."""
        if not _running.acquire(blocking=False):
            raise RuntimeError("A sandbox already runs in this process; stop it, or reset it to another story.")
        try:
            logging.getLogger("waitress").setLevel(logging.ERROR)
            try:
                self._server = create_server(
                    self._front,
                    map=self._sockets,
                    host=host,
                    port=port,
                    threads=THREADS,
                    channel_request_lookahead=1,
                    connection_limit=1000,
                    ident="fnshare-sandbox",
                )
            except OSError as error:
                raise PortTaken(f"Port {port} on {host} cannot be used: {error.strerror or error}.") from error
            self._server.channel_class = Channel
            self._front.lead_here()
            self.reset()
        except BaseException:
            self._close()
            _running.release()
            raise
        self.url = f"http://{host}:{self._server.effective_port}"
        self._ending.clear()
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._thread.start()
        self._poller = threading.Thread(target=self._poll, name="sandbox-queues", daemon=True)
        self._poller.start()
        return self

    def _serve(self) -> None:
        while not self._ending.is_set():
            wasyncore.loop(timeout=1, map=self._sockets, count=1)

    def _poll(self) -> None:
        """Lambda asks the queues by itself, also for what lay there before a mapping or a right to it."""
        while not self._ending.wait(POLL_SECONDS):
            with self.estate.lock:
                try:
                    self._front.mappings.poll()
                except Exception:  # a queue that goes away under it must not end the polling of all others
                    log.exception("The sandbox could not ask its queues.")

    def reset(self, story: str | None = None) -> None:
        """Wipe everything (moto, functions, policies, sessions, faults, switches, journal) and load the story again."""
        if story is not None:
            stories.check(story)
            self.story = story
        self.faults.clear()
        self.switches.reset()
        self._front.limiter.reset()
        with self.estate.lock:
            self._moto.reset()
            self.directory.reset()
            self.estate.reset()
            self._front.mappings.reset()
            self._front.elsewhere.metrics.reset()
            self.clear_accounts()
            stories.load(self.story, self)
            self.directory.settle()
        self.journal.clear()

    def stop(self) -> None:
        """Release held calls, close the port and wait for the server to end. Safe to call twice."""
        if self._thread is None:
            return
        self.faults.clear()
        self._ending.set()
        self._server.pull_trigger()
        self._thread.join(timeout=10)
        self._thread = None
        if self._poller is not None:
            self._poller.join(timeout=10)
        self._close()
        _running.release()

    def _close(self) -> None:
        if self._server is not None:
            self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=5)
            wasyncore.close_all(self._sockets, ignore_all=True)
            self._sockets.clear()
            self._server = None

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def as_document(account: Account) -> Mapping[str, object]:
    """An account as the --accounts file lists it."""
    return {
        "id": account.id,
        "name": account.name,
        "kind": account.kind,
        "access_key_id": account.access_key_id,
        "secret_access_key": account.secret_access_key,
        "regions": list(account.regions),
        "manager_role_arn": account.manager_role_arn,
        "checker_role_arn": account.checker_role_arn,
        "external_id": account.external_id,
        "organization_role_arn": account.organization_role_arn,
        "organization_external_id": account.organization_external_id,
        "invoker_role_arn": account.invoker_role_arn,
        "invoker_external_id": account.invoker_external_id,
        "source_role_arn": account.source_role_arn,
        "source_external_id": account.source_external_id,
        "sources": {arn: dict(example) for arn, example in account.sources.items()},
    }
