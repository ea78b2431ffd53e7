"""What goes out over one connection goes out once, whoever sends it."""

import socket
import threading
import time

import pytest
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel

from sharing.sandbox.channel import Channel
from sharing.sandbox.server import Sandbox


class Server:
    adj = Adjustments(channel_request_lookahead=1)
    active_channels: dict[int, HTTPChannel] = {}  # as waitress has it


class SlowToSend(Channel):
    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = int(super().send(data, do_close=do_close))
        time.sleep(0.05)  # the other thread has every chance to look at the same bytes
        return sent


@pytest.fixture
def pair() -> "tuple[SlowToSend, socket.socket]":
    ours, theirs = socket.socketpair()
    return SlowToSend(Server(), ours, ("127.0.0.1", 1), Server.adj, {}), theirs


def test_two_threads_that_flush_at_once_send_it_once(pair: "tuple[SlowToSend, socket.socket]") -> None:
    channel, theirs = pair
    line = b"HTTP/1.1 100 Continue\r\n\r\n"
    channel.outbufs[-1].append(line)
    channel.total_outbufs_len = len(line)
    threads = [threading.Thread(target=channel.handle_write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    theirs.settimeout(1)
    assert theirs.recv(1024) == line
    assert not channel.will_close
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1024)


def test_the_sandbox_answers_over_such_connections(sandbox: Sandbox) -> None:
    assert sandbox._server.channel_class is Channel
