"""The web process: gunicorn on this machine's loopback, started without any AWS credentials.

`python -m sharing.running.web [gunicorn option...]` drops what an AWS SDK reads from its environment, closes the other places
where one looks, and becomes gunicorn. Doors never talk to AWS; this makes it impossible, not just a habit.
"""

import os
import sys

from sharing.environment import without_aws


def command(arguments: list[str]) -> list[str]:
    """gunicorn's command line. WEB_CONCURRENCY (processes) is gunicorn's own variable; each has 4 threads."""
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "sharing.wsgi",
        "--worker-class=gthread",
        f"--workers={os.environ.get('WEB_CONCURRENCY', '2')}",
        "--threads=4",
        # Loaded once and shared: quicker to start, and half the memory.
        "--preload",
        "--no-control-socket",
        *arguments,
    ]


def main(arguments: list[str]) -> None:
    """Become gunicorn, unless the environment is wrong: then end with one line instead of one for each process."""
    import sharing.settings  # noqa: F401  # reads the whole environment

    os.execve(sys.executable, command(arguments), without_aws(os.environ))  # noqa: S606  # no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])
