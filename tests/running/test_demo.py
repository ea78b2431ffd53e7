"""`make demo`: comes up, tells the way in, survives deaths, and leaves nothing behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sharing.running import leftovers, ports
from sharing.running.install import CHECKOUT
from tests import lent
from tests.live import LiveDemo, alive, as_from_a_terminal, wait_for

pytestmark = pytest.mark.processes

PROGRAMS = {"valkey", "sandbox", "worker", "worker-clicks", "beat", "web"}


def of_the_run(demo: LiveDemo) -> list[int]:
    """Every process of this demo but its own; each program is among them, however it shows itself."""
    found = leftovers.processes((demo.folder / "demo.id").read_text())
    assert {pid for _, pid in demo.states().values() if pid} <= set(found)
    return found


@pytest.fixture
def own_demo(tmp_path: Path) -> Iterator[LiveDemo]:
    """A demo to be ended by the test, without a story: it comes up quickly."""
    demo = LiveDemo(tmp_path, told=False).start()
    yield demo
    if not demo.process_ended():
        demo.stop()


def test_it_runs_each_part_as_a_process_of_its_own(demo: LiveDemo) -> None:
    states = demo.states()
    assert set(states) == PROGRAMS
    assert all(state == "RUNNING" for state, _ in states.values())
    assert len({pid for _, pid in states.values()}) == len(PROGRAMS)


def test_it_tells_programs_the_way_in(demo: LiveDemo) -> None:
    file = demo.folder / "demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = json.loads(file.read_text())
    assert set(told) == {"url", "logins", "aws", "accounts", "tries"}
    assert told["url"] == f"http://localhost:{demo.port}"
    assert {login["role"] for login in told["logins"]} == {"admin", "owner", "auditor", "consumer"}
    assert all(set(login) == {"email", "password", "role"} for login in told["logins"])
    assert set(told["aws"]) == {"endpoint_url", "region", "deliveries_url"}
    assert [one["name"] for one in told["tries"]] == ["Acme Retail", "Globex"]
    assert all(
        line.startswith(f"aws --endpoint-url {told['aws']['endpoint_url']} ")
        for one in told["tries"]
        for line in one["commands"]
    )
    assert {account["kind"] for account in told["accounts"]} == {"dashboard", "owner", "consumer", "stranger", "management"}
    expected = {"id", "name", "kind", "access_key_id", "secret_access_key"}
    assert all(set(account) == expected for account in told["accounts"])


def test_it_tells_people_the_way_in(demo: LiveDemo) -> None:
    printed = demo.output()
    assert demo.url in printed
    for login in demo.described["logins"]:
        assert login["email"] in printed
        assert login["password"] in printed
    assert demo.described["aws"]["deliveries_url"] in printed
    for tried in demo.described["tries"]:
        assert all(line in printed for line in (*tried["environment"].values(), *tried["commands"]))


def test_it_listens_on_the_loopback_only(demo: LiveDemo) -> None:
    pids = {*of_the_run(demo)}
    listening = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    sockets = {fields[9]: fields[1] for fields in listening if fields[3] == "0A"}
    addresses = {sockets[inode] for pid in pids for inode in _sockets_of(pid) if inode in sockets}
    assert addresses, "nothing listens at all"
    assert all(address.startswith("0100007F:") for address in addresses), addresses


def _sockets_of(pid: int) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def test_its_web_process_has_no_way_to_its_aws(demo: LiveDemo) -> None:
    web = demo.pid("web")
    variables = dict(entry.split("=", 1) for entry in Path(f"/proc/{web}/environ").read_text().split("\0") if "=" in entry)
    assert "AWS_ENDPOINT_URL" not in variables
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert demo.account("dashboard")["secret_access_key"] not in "".join(variables.values())
    worker = Path(f"/proc/{demo.pid('worker')}/environ").read_text()
    assert f"AWS_SHARED_CREDENTIALS_FILE={demo.home / 'credentials'}" in worker


@pytest.mark.parametrize("name", sorted(PROGRAMS - {"sandbox"}))
def test_what_is_killed_comes_back_and_nothing_is_lost(demo: LiveDemo, name: str) -> None:
    people = demo.command("shell", "-v0", "-c", "from sharing.models import User; print(User.objects.count())").stdout
    sandbox = demo.pid("sandbox")
    killed = demo.kill(name)
    wait_for(lambda: demo.pid(name) not in (0, killed), "another in its place", 30)
    demo.wait_until_running()
    wait_for(lambda: demo.get() == 200, "a page")
    assert demo.pid("sandbox") == sandbox
    again = demo.command("shell", "-v0", "-c", "from sharing.models import User; print(User.objects.count())").stdout
    assert again == people
    assert int(people) >= 4


def test_a_worker_is_one_process_so_that_killed_it_leaves_none_behind(demo: LiveDemo) -> None:
    assert not _children(demo.pid("worker-clicks"))
    assert not _children(demo.pid("worker"))


def test_a_sandbox_that_died_comes_back_with_keys_that_everybody_learns(tmp_path: Path) -> None:
    with LiveDemo(tmp_path) as demo:
        before = demo.account("dashboard")
        demo.kill("sandbox")

        def told_anew() -> bool:
            accounts = json.loads((demo.folder / "demo.json").read_text())["accounts"]
            return bool(next(account for account in accounts if account["kind"] == "dashboard") != before)

        wait_for(told_anew, "new keys in demo.json")
        wait_for(lambda: "started again" in demo.output(), "a line about it")
        demo.wait_until_running()
        now = json.loads((demo.folder / "demo.json").read_text())["accounts"]
        key = next(account for account in now if account["kind"] == "dashboard")["access_key_id"]
        assert key in (demo.home / "credentials").read_text()


def test_pages_answer_while_valkey_is_away(demo: LiveDemo) -> None:
    demo.end("valkey")
    try:
        began = time.monotonic()
        assert demo.get("/login/") == 200
        assert time.monotonic() - began < 2
    finally:
        demo.begin("valkey")
    demo.wait_until_running()


def test_workers_go_on_after_valkey_came_back(demo: LiveDemo) -> None:
    code = "from sharing.models import Installation; print(Installation.objects.get().swept_at.timestamp())"

    def swept() -> float:
        """When a worker last began a sweep; 0 while that cannot be told."""
        return float(demo.command("shell", "-v0", "-c", code).stdout.strip() or 0)

    demo.kill("valkey")
    demo.wait_until_running()
    back = time.time()  # what a worker had taken before Valkey died has begun by now
    wait_for(lambda: swept() > back, "a sweep after Valkey's return", 60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ending_leaves_nothing_running(own_demo: LiveDemo, number: signal.Signals) -> None:
    processes = of_the_run(own_demo)
    assert len(processes) >= len(PROGRAMS)
    sockets = next(Path(line[5:]).parent for line in _configuration(own_demo) if line.startswith("file="))
    began = time.monotonic()
    assert own_demo.stop(number) == 0
    assert time.monotonic() - began < 15
    assert [pid for pid in processes if alive(pid)] == []
    assert not (own_demo.folder / "demo.json").exists()
    assert not sockets.exists()
    assert not ports.answers(own_demo.port)


def _configuration(demo: LiveDemo) -> list[str]:
    return (demo.home / "supervisord.conf").read_text().splitlines()


def test_under_nohup_it_outlives_its_terminal(tmp_path: Path) -> None:
    lent.lend(tmp_path)
    command = ["nohup", os.fspath(CHECKOUT / ".venv/bin/python"), "-m", "sharing.running.demo", "--untold", "--folder"]
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [*command, os.fspath(tmp_path)],
            cwd=CHECKOUT,
            env={**os.environ, "PORT": str(ports.free())},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for((tmp_path / "demo.json").exists, "the demo's start", 60)
        process.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_killed_outright_it_still_leaves_nothing_running(own_demo: LiveDemo) -> None:
    processes = of_the_run(own_demo)
    assert own_demo.process is not None
    own_demo.process.kill()
    own_demo.process.wait()
    wait_for(lambda: not any(alive(pid) for pid in processes), "the end of everything", 20)


def test_it_ends_by_itself_when_its_supervisor_is_killed(own_demo: LiveDemo) -> None:
    processes = of_the_run(own_demo)
    os.kill(int((own_demo.home / "supervisord.pid").read_text()), signal.SIGKILL)
    assert own_demo.process is not None
    assert own_demo.process.wait(20) == 1
    assert "The supervisor died" in own_demo.output()
    assert [pid for pid in processes if alive(pid)] == []


def test_the_next_start_ends_what_a_doubly_killed_one_left_and_begins_afresh(tmp_path: Path) -> None:
    count = ("shell", "-v0", "-c", "from sharing.models import Account; print(Account.objects.count())")
    first = LiveDemo(tmp_path, told=False).start()
    made = "from sharing.models import Account; Account.objects.create(number='123456789012', name='Mine')"
    assert first.command("shell", "-v0", "-c", made).returncode == 0
    assert first.command(*count).stdout.strip() == "1"
    processes = of_the_run(first)
    assert first.process is not None
    supervisor = int((first.home / "supervisord.pid").read_text())
    first.process.send_signal(signal.SIGSTOP)  # so that it cannot clean up
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not alive(supervisor), "the supervisor's death")
    first.process.kill()
    first.process.wait()
    assert any(alive(pid) for pid in processes)
    second = LiveDemo(tmp_path, told=False)
    second.port = first.port
    with second:
        assert [pid for pid in processes if alive(pid)] == []
        assert "left behind" in second.output()
        assert second.get() == 200
        assert second.command(*count).stdout.strip() == "0"


def test_a_stranger_with_a_recycled_process_id_is_never_touched(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "demo").mkdir()
        (tmp_path / "demo" / "supervisord.pid").write_text(str(stranger.pid))
        (tmp_path / "demo.id").write_text("0" * 32)
        (tmp_path / "demo.lock").write_text(str(stranger.pid))
        with LiveDemo(tmp_path, told=False):
            assert stranger.poll() is None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_demo_in_the_same_folder_is_refused(demo: LiveDemo) -> None:
    printed = _refused(demo.folder, ports.free())
    assert printed.count("\n") == 1
    assert "already runs" in printed
    assert demo.get() == 200


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["127.0.0.1", "::1"])
def test_a_taken_port_is_said_in_one_line_before_anything_starts(tmp_path: Path, family: int) -> None:
    with socket.socket(family) as taken:
        try:
            taken.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        except OSError:
            assert not Path("/proc/net/if_inet6").read_text().strip(), "::1 exists, so it must be possible to take it"
            return
        taken.listen()
        port = taken.getsockname()[1]
        printed = _refused(tmp_path, port)
    assert printed.count("\n") == 1
    assert f"Port {port} is taken" in printed
    assert not (tmp_path / "demo" / "supervisord.conf").exists()


def _refused(folder: Path, port: int) -> str:
    command = [os.fspath(CHECKOUT / ".venv/bin/python"), "-m", "sharing.running.demo", "--folder", os.fspath(folder)]
    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, "PORT": str(port)}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("number", "whom"),
    [
        (signal.SIGINT, "make"),
        (signal.SIGTERM, "make"),
        (signal.SIGHUP, "make"),
        (signal.SIGKILL, "make"),
        (signal.SIGINT, "group"),
    ],
)
def test_make_passes_its_end_on(tmp_path: Path, number: signal.Signals, whom: str) -> None:
    """`make` itself forwards only SIGTERM; the rest of the time the demo has to see for itself that it is gone."""
    checkout = tmp_path / "checkout"
    _linked_checkout(checkout)
    (checkout / "var").mkdir()
    lent.lend(checkout / "var")
    port = ports.free()
    make = subprocess.Popen(
        ["make", "demo", "DEMO=--untold"],
        cwd=checkout,
        env={**os.environ, "PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=(tmp_path / "output").open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=as_from_a_terminal,
    )
    try:
        described = checkout / "var" / "demo.json"
        wait_for(lambda: described.exists() or make.poll() is not None, "the demo's start", 90)
        assert described.exists(), (tmp_path / "output").read_text()
        processes = [*leftovers.processes((checkout / "var" / "demo.id").read_text()), *_children(make.pid)]
        assert len(processes) > len(PROGRAMS)
        if whom == "group":
            os.killpg(make.pid, number)
        else:
            make.send_signal(number)
        make.wait(30)
        wait_for(lambda: not any(alive(pid) for pid in processes), f"the end of everything after {number.name}", 20)
        wait_for(lambda: not described.exists(), "the end of demo.json", 5)
    finally:
        if make.poll() is None:
            os.killpg(make.pid, signal.SIGKILL)
            make.wait()


def _linked_checkout(checkout: Path) -> None:
    """This checkout at another place, with a `var` of its own."""
    checkout.mkdir()
    for entry in CHECKOUT.iterdir():
        if entry.name not in ("var", ".git", "sharing"):
            (checkout / entry.name).symlink_to(entry)
    # A real folder: modules find the checkout from where they are.
    subprocess.run(["cp", "-R", os.fspath(CHECKOUT / "sharing"), os.fspath(checkout / "sharing")], check=True)


def _children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
