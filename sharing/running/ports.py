"""TCP ports on this machine's loopback."""

import errno
import os
import socket

DEFAULT = 8000


class PortProblem(Exception):
    """PORT cannot be used; `str()` is the line for the person."""


def wanted() -> int:
    """The port that PORT asks for, DEFAULT without it. Raises PortProblem when it is no port number."""
    text = os.environ.get("PORT", "").strip()
    if not text:
        return DEFAULT
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise PortProblem(f"PORT is {text!r}, which is no port number. Use one from 1 to 65535, such as PORT=8001.")
    return int(text)


def refuse_if_taken(port: int, bind: str = "127.0.0.1") -> None:
    """Raise PortProblem when something listens there already, or this user may not.

    On the loopback both addresses count: a browser that opens `localhost` may try either.
    """
    for address in (bind, "::1") if bind == "127.0.0.1" else (bind,):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as attempt:
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                attempt.bind((address, port))
                attempt.listen(1)
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                raise PortProblem(f"Port {port} is taken. Free it, or choose another: PORT={_another(port)}") from None
            if problem.errno == errno.EACCES:
                raise PortProblem(f"Port {port} needs more rights than yours. Choose another: PORT=8000") from None
            if address == bind:
                raise PortProblem(
                    f"{bind} port {port} cannot be used: {problem.strerror or problem}. WEB_BIND has to be an address of this "
                    "machine, PORT one that is free on it."
                ) from None
            # A machine without IPv6 has no ::1 to be taken.


def free() -> int:
    """A port of 127.0.0.1 that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, bind: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104  # what was bound, not what we bind
    try:
        with socket.create_connection((here, port), timeout=0.5):
            return True
    except OSError:
        return False


def _another(port: int) -> int:
    """A free port to suggest, near the one that was asked for."""
    for candidate in range(port + 1, min(port + 100, 65536)):
        try:
            with socket.socket() as attempt:
                attempt.bind(("127.0.0.1", candidate))
                return candidate
        except OSError:
            continue
    return free()
