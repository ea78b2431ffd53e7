"""`make run`: web, workers and beat, from the environment only, under a supervisor that restarts whatever dies.

Nothing but the environment decides where it runs and against what (.env.example has every variable). Logs go to this
process's output.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from sharing.environment import Misconfigured, web_processes
from sharing.running import leftovers, ports, probing, programs
from sharing.running.install import CHECKOUT
from sharing.running.session import Ended, Session
from sharing.running.supervising import Supervisor


class Run(Session):
    """One run from the environment. bind: the address web listens on, this machine's loopback unless WEB_BIND says else."""

    title = "run"
    patience = 40.0

    def __init__(self, folder: Path, port: int, bind: str) -> None:
        super().__init__(folder)
        self.port = port
        self.bind = bind

    def run(self) -> None:
        """Prepare the database and the static files, start everything, and stay until asked to end."""
        environ = {**os.environ, leftovers.RUN_ID: self.run_id, "PYTHONUNBUFFERED": "1"}
        environ.setdefault("DJANGO_SETTINGS_MODULE", "sharing.settings")
        prepared = subprocess.run([sys.executable, "-m", "sharing.running.prepare"], env=environ, cwd=CHECKOUT, check=False)
        if prepared.returncode:
            raise Ended("fnshare did not start: the database or the static files could not be prepared (see above).")
        own = programs.product(port=self.port, bind=self.bind, folder=self.home, patience=30)
        self.supervisor = Supervisor(own, self.home, self.sockets / "control", environ, to_console=True)
        self.supervisor.start()
        self.supervisor.begin(*programs.NAMES)
        self.wait(lambda: ports.answers(self.port, self.bind), "the web process", log="web")
        print(f"fnshare is at {os.environ['PUBLIC_URL']} (listening on {self.bind}:{self.port})", flush=True)
        if missing := self._missing():
            print(f"It is not ready yet: {', '.join(missing)}. Clicks are kept meanwhile; /readyz says when it is.", flush=True)
        else:
            print("Database, broker, workers and beat work.", flush=True)
        self.stay()

    def _missing(self) -> list[str]:
        """What does not work; asked until all does, or for half a minute. Pages and clicks need not all of it."""
        deadline = time.monotonic() + 30
        while (missing := probing.not_ready(self.port, self.bind)) and time.monotonic() < deadline:
            self.check()
            time.sleep(0.2)
        return missing


def main() -> int:
    """Run from the environment; the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharing.settings")
    try:
        port = ports.wanted()
        bind = os.environ.get("WEB_BIND", "").strip() or "127.0.0.1"
        import sharing.settings  # noqa: F401  # reads the whole environment, or says which variable is wrong

        web_processes()  # of the web process alone, which nobody should see restarted for ever

        with Run(CHECKOUT / "var", port, bind) as running:
            ports.refuse_if_taken(port, bind)
            running.run()
    except Misconfigured as problem:
        print(problem, file=sys.stderr)
        return 2
    except ports.PortProblem as problem:
        print(problem, file=sys.stderr)
        return 2
    except Ended as end:
        if end.problem:
            print(end.problem, file=sys.stderr)
        return end.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
