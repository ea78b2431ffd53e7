"""Asked to end (SIGTERM), web answers what it has begun, and a worker finishes its task or leaves it to another."""

import contextlib
import http.client
import os
import signal
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from sharing.running import ports, programs, run, template, web
from tests.live import LiveDemo, wait_for

SLOW = """
import pathlib, time

def application(environ, start_response):
    pathlib.Path("begun").touch()
    time.sleep(1.2)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the whole answer"]
"""


@pytest.mark.processes
def test_web_answers_what_it_has_begun_and_takes_nothing_new(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    port = ports.free()
    command = [part.replace("sharing.wsgi", "slow") for part in web.command(["--bind", f"127.0.0.1:{port}"])]
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "WEB_CONCURRENCY": "1"}, stderr=subprocess.DEVNULL)
    answers: list[tuple[int, bytes]] = []

    def ask() -> None:
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        asking.request("GET", "/")
        answer = asking.getresponse()
        answers.append((answer.status, answer.read()))

    try:
        wait_for(lambda: ports.answers(port), "the web process")
        asking = threading.Thread(target=ask)
        asking.start()
        wait_for((tmp_path / "begun").exists, "the request")
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: not ports.answers(port), "the closed door")
        asking.join(10)
        assert answers == [(200, b"the whole answer")]
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("patience", [5, 30])
def test_nobody_is_ended_by_force_while_still_finishing_in_time(patience: int) -> None:
    made = {program.name: program for program in programs.product(port=1, folder=Path("/nowhere"), patience=patience)}
    graceful = made["web"].command[made["web"].command.index("--graceful-timeout") + 1]
    assert int(graceful) < made["web"].patience <= patience
    for name in programs.WORKERS:
        assert made[name].patience == patience
        assert made[name].stop_signal == "TERM"
    assert run.Run.patience > 30, "the supervisor waits longer than its programs"


def test_a_worker_that_is_asked_to_end_finishes_the_call_that_it_has_begun(demo: LiveDemo) -> None:
    arn = f"arn:aws:lambda:us-east-1:{demo.account('owner')['id']}:function:session-cleanup"
    demo.controls.forget_calls()
    demo.controls.fault("AddPermission", "after", "hold")
    demo.end("worker")
    ending = threading.Thread(target=demo.end, args=("worker-clicks",))
    try:
        asked = demo.asked("share", arn, "--with", demo.account("consumer")["id"], "--reason", "test")
        assert asked["ok"], asked
        wait_for(lambda: demo.controls.held() == 1, "the call")
        ending.start()
        wait_for(lambda: demo.states()["worker-clicks"][0] == "STOPPING", "the request to end")
        demo.controls.release()
        ending.join(20)
        assert demo.states()["worker-clicks"][0] == "STOPPED"
        assert len(demo.controls.calls("AddPermission")) == 1
        # It read the policy again and settled the grant before it ended: nobody else runs who could have.
        with contextlib.closing(sqlite3.connect(demo.home / template.DATABASE)) as database:
            query = "SELECT state FROM sharing_grant WHERE id = ?"
            assert database.execute(query, [asked["items"][0]["id"].replace("-", "")]).fetchone() == ("active",)
    finally:
        demo.begin("worker")
        demo.begin("worker-clicks")
