"""The web process: gunicorn on this machine's loopback, started without any AWS credentials.

`python -m sharing.running.web [gunicorn option...]` drops what an AWS SDK reads from its environment, closes the other places
where one looks, and becomes gunicorn. Doors never talk to AWS; this makes it impossible, not just a habit.
"""

import os
import sys

from sharing.environment import web_processes, without_aws


def command(arguments: list[str]) -> list[str]:
    """gunicorn's command line: so many processes as WEB_CONCURRENCY says, with 4 threads each."""
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "sharing.wsgi",
        "--worker-class=gthread",
        f"--workers={web_processes()}",
        "--threads=4",
        # Loaded once and shared: quicker to start, and half the memory.
        "--preload",
        "--no-control-socket",
        *arguments,
    ]


def main(arguments: list[str]) -> None:
    """Become gunicorn, unless the environment is wrong: then end with one line instead of one for each process."""
    import sharing.settings  # noqa: F401  # reads the whole environment

    # gunicorn reads WEB_CONCURRENCY too, and takes an empty one for nonsense.
    environ = {name: value for name, value in without_aws(os.environ).items() if name != "WEB_CONCURRENCY"}
    os.execve(sys.executable, command(arguments), environ)  # noqa: S606  # no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])
