"""supervisord: starts the programs, restarts whatever dies, and ends all of them."""

import contextlib
import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time
import xmlrpc.client
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """One supervised process.

    order: started in rising, ended in falling order. at_once: starts with the supervisor, else when `start` names it.
    patience: seconds between the request to end and the force. stop_signal: how it is asked.
    """

    name: str
    command: list[str]
    order: int
    at_once: bool = False
    patience: int = 5
    stop_signal: str = "TERM"


@dataclass
class Supervisor:
    """One supervisord and its programs.

    folder: for configuration and logs. socket: path of its control socket (at most about 100 characters).
    to_console: programs write to this process's output instead of files in `folder`/logs.
    """

    programs: list[Program]
    folder: Path
    socket: Path
    environ: dict[str, str]
    to_console: bool = False
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> None:
        """Start supervisord in a session of its own, so that a terminal's Ctrl-C reaches only us.

        Should this process be killed outright, Linux ends supervisord too, and with it every program.
        """
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "supervisord.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration())
        parent = os.getpid()

        def tie() -> None:
            with contextlib.suppress(OSError, AttributeError):  # no prctl elsewhere than on Linux
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

        self.process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=tie,
        )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                raise RuntimeError(f"The supervisor did not start; see {self.folder / 'supervisord.log'}.")
            with contextlib.suppress(OSError, xmlrpc.client.Error):
                self._call("getState")
                return
            time.sleep(0.05)
        raise RuntimeError(f"The supervisor does not answer; see {self.folder / 'supervisord.log'}.")

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, serverurl=f"unix://{self.socket}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    @property
    def alive(self) -> bool:
        """Whether supervisord itself runs."""
        return self.process is not None and self.process.poll() is None

    def begin(self, *names: str) -> None:
        """Start these programs, without waiting for them."""
        for name in names:
            self._call("startProcess", name, False)

    def end(self, name: str) -> None:
        """Stop one program for good (until `begin`), and wait for it."""
        self._call("stopProcess", name, True)

    def states(self) -> dict[str, tuple[str, int]]:
        """Each program's state as supervisord calls it (RUNNING, STARTING, BACKOFF, STOPPED...) and its process id."""
        return {entry["name"]: (entry["statename"], entry["pid"]) for entry in self._call("getAllProcessInfo")}

    def stop(self, *, patience: float) -> None:
        """End every program and supervisord; after `patience` seconds the caller has to force what is left."""
        if self.process is None or self.process.poll() is not None:
            return
        with contextlib.suppress(OSError, xmlrpc.client.Error):
            for program in self.programs:
                if not program.at_once:  # what others need ends last, everything else at the same time
                    self._call("stopProcess", program.name, False)
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)

    def _configuration(self) -> str:
        sections = [
            "[supervisord]",
            "nodaemon=true",
            "silent=true",
            f"logfile={_plain(self.folder / 'supervisord.log')}",
            f"pidfile={_plain(self.folder / 'supervisord.pid')}",
            f"childlogdir={_plain(self.folder / 'logs')}",
            "umask=077",
            "[unix_http_server]",
            f"file={_plain(self.socket)}",
            "chmod=0700",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        ]
        for program in self.programs:
            log = "/dev/fd/1" if self.to_console else _plain(self.folder / "logs" / f"{program.name}.log")
            sections += [
                f"[program:{program.name}]",
                f"command={_plain(shlex.join(program.command))}",
                f"priority={program.order}",
                f"autostart={str(program.at_once).lower()}",
                "autorestart=true",
                "startsecs=1",
                "startretries=1000000",
                f"stopsignal={program.stop_signal}",
                f"stopwaitsecs={program.patience}",
                "killasgroup=true",
                "redirect_stderr=true",
                f"stdout_logfile={log}",
                f"stdout_logfile_maxbytes={0 if self.to_console else '10MB'}",
                "stdout_logfile_backups=1",
            ]
        return "\n".join(sections) + "\n"


def _plain(value: object) -> str:
    """Text as supervisord's configuration takes it literally."""
    return str(value).replace("%", "%%")
