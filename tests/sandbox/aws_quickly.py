"""The AWS CLI, loaded once and forked for each call: a script of many calls then takes a second instead of half a minute.

with quick_aws(folder, endpoint):  # puts a command `aws` into the folder
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Hands its words, its environment and its three streams over, and ends as the call ended.
CLIENT = """#!{python} -ISE
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({path!r})
socket.send_fds(server, [json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode().ljust({size})], [0, 1, 2])
sys.exit(int(server.recv(8)))
"""
SIZE = 65536


@contextmanager
def quick_aws(folder: Path, endpoint: str) -> Iterator[None]:
    """A folder with `aws` in it, for as long as the block runs. The endpoint is what every call goes to."""
    path = str(folder / "aws.socket")
    command = folder / "aws"
    command.write_text(CLIENT.format(python=sys.executable, path=path, size=SIZE))
    command.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        serving = subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox.aws_quickly", str(listening.fileno()), endpoint],
            pass_fds=[listening.fileno()],
        )
    try:
        yield
    finally:
        serving.terminate()
        serving.wait(10)


def serve(listening: socket.socket, endpoint: str) -> None:
    """Answer until it is ended; each call in a process of its own."""
    import json

    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    for service in ("s3", "sns", "sqs", "sts"):
        driver.session.get_service_model(service)
    while True:
        asking, _ = listening.accept()
        text, streams = b"", list[int]()
        while len(text) < SIZE:
            more, found, _, _ = socket.recv_fds(asking, SIZE - len(text), 3)
            text, streams = text + more, [*streams, *found]
        if not (child := os.fork()):
            words, environment, place = json.loads(text)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            os.chdir(place)
            os.environ.clear()
            os.environ.update(environment)
            code = driver.main(["--endpoint-url", endpoint, *words])
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        asking.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        asking.close()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
