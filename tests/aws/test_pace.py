"""The pace keeps to AWS's rates, alone and over Redis, and lets clicks through."""

import heapq
import socket
import time
from itertools import pairwise

import pytest

from sharing.aws.pace import RATE, Group, Pace, Purpose
from sharing.aws.watching import Bucket, Watching

PLACE: tuple[str, str, Group] = ("444455556666", "us-east-1", "control")
OTHERS: list[tuple[str, str, Group]] = [
    PLACE,
    ("444455556666", "us-east-1", "get-policy"),
    ("444455556666", "eu-west-1", "control"),
    ("111111111111", "us-east-1", "control"),
]


@pytest.fixture(params=["alone", "shared"])
def pace(request: pytest.FixtureRequest) -> Pace:
    if request.param == "alone":
        return Pace()
    url = request.getfixturevalue("valkey")
    return Pace(url, prefix=f"test:{time.monotonic_ns()}")


def granted(pace: Pace, seconds: float, *, share: float = 1.0, purpose: Purpose = "background", start: float = 1000.0) -> int:
    """How many calls go within some seconds of a fake clock, asked for as often as possible."""
    number, now = 0, start
    while now < start + seconds:
        wait = pace.take(*PLACE, purpose=purpose, share=share, now=now)
        if wait > 0:
            now += max(wait, 0.001)
        else:
            number += 1
    return number


@pytest.mark.parametrize("share", [1.0, 0.33, 0.1])
def test_background_keeps_to_its_share(pace: Pace, share: float) -> None:
    number = granted(pace, 20, share=share)
    assert RATE * share * 20 * 0.95 <= number <= RATE * share * 20 + 2


def test_in_any_second_background_stays_under_the_limit(pace: Pace) -> None:
    assert granted(pace, 1.0) <= RATE + 1


def test_clicks_go_at_once_while_background_uses_everything_it_may(pace: Pace) -> None:
    now = 1000.0
    for _ in range(200):
        wait = pace.take(*PLACE, purpose="background", share=1.0, now=now)
        now += max(wait, 0.0)
    assert [pace.take(*PLACE, purpose="click", share=1.0, now=now) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_clicks_count_against_what_background_may_use(pace: Pace) -> None:
    """Both together stay near the rate: AWS sees one caller."""
    now, background, clicks = 1000.0, 0, 0
    while now < 1020.0:
        background += pace.take(*PLACE, purpose="background", share=1.0, now=now) <= 0
        clicks += pace.take(*PLACE, purpose="click", share=1.0, now=now) <= 0
        now += 0.02
    assert clicks > 0
    assert background + clicks <= RATE * 20 + 6


def test_a_429_halves_the_pace_once_and_it_recovers(pace: Pace) -> None:
    start = 1000.0
    before = granted(pace, 4, start=start)
    for _ in range(5):  # five calls in flight got the same answer
        pace.slower(*PLACE, now=start + 4)
    after = granted(pace, 4, start=start + 4)
    assert before * 0.4 <= after <= before * 0.75
    assert granted(pace, 4, start=start + 60) >= before * 0.95


def test_a_429_long_ago_is_forgotten(pace: Pace) -> None:
    """Days later: two to the power of so many halves is more than a number can be."""
    pace.slower(*PLACE, now=1000.0)
    assert pace.take(*PLACE, purpose="click", share=1.0, now=1e6) == 0
    pace.slower(*PLACE, now=2e6)
    assert pace.take(*PLACE, purpose="background", share=1.0, now=2e6 + 60) == 0


def test_a_retry_after_silences_background_only(pace: Pace) -> None:
    pace.slower(*PLACE, retry_after=5.0, now=1000.0)
    assert pace.take(*PLACE, purpose="background", share=1.0, now=1001.0) >= 3.9
    assert pace.take(*PLACE, purpose="click", share=1.0, now=1001.0) == 0.0


def test_places_and_groups_do_not_share_a_bucket(pace: Pace) -> None:
    for place in OTHERS:
        assert pace.take(*place, purpose="background", share=0.1, now=1000.0) == 0.0
        assert pace.take(*place, purpose="background", share=0.1, now=1000.0) > 0.0


def test_a_higher_share_counts_at_once(pace: Pace) -> None:
    """Somebody raises the share while a slow sync waits for its turn: it waits no longer."""
    assert pace.take(*PLACE, purpose="background", share=0.01, now=1000.0) == 0.0
    assert pace.take(*PLACE, purpose="background", share=0.01, now=1001.0) > 5.0
    assert pace.take(*PLACE, purpose="background", share=1.0, now=1001.0) == 0.0


def test_two_processes_share_one_bucket_over_redis(valkey: str) -> None:
    prefix = f"test:{time.monotonic_ns()}"
    one, other = Pace(valkey, prefix=prefix), Pace(valkey, prefix=prefix)
    ends = time.monotonic() + 1.5
    number = 0
    while time.monotonic() < ends:
        for pace in (one, other):
            number += pace.take(*PLACE, purpose="background", share=1.0) <= 0
        time.sleep(0.005)
    assert number <= RATE * 1.5 + 3


def test_a_lost_redis_slows_to_half_and_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        pace = Pace(f"redis://127.0.0.1:{taken.getsockname()[1]}/0")
        began = time.monotonic()
        number = granted(pace, 10)
        assert time.monotonic() - began < 3
    assert RATE * 10 * 0.45 <= number <= RATE * 10 * 0.55


def test_waiting_ends_when_it_is_called_off() -> None:
    pace = Pace()
    pace.take(*PLACE, purpose="background", share=0.001)
    began = time.monotonic()
    pace.wait(*PLACE, purpose="background", share=lambda: 0.001, cancelled=lambda: time.monotonic() - began > 0.3)
    assert time.monotonic() - began < 1.0


def test_waiting_follows_a_share_that_changes() -> None:
    pace = Pace()
    pace.take(*PLACE, purpose="background", share=0.001)
    began = time.monotonic()
    pace.wait(*PLACE, purpose="background", share=lambda: 1.0 if time.monotonic() - began > 0.3 else 0.001)
    assert 0.25 < time.monotonic() - began < 1.5


def test_what_aws_allows_depends_on_the_group() -> None:
    pace = Pace()
    many = dict.fromkeys(("get-policy", "get-function", "control"), 0)
    for group in many:
        now = 1000.0
        while now < 1010.0:
            wait = pace.take("444455556666", "us-east-1", group, purpose="background", share=1.0, now=now)  # type: ignore[arg-type]
            many[group] += wait <= 0
            now += max(wait, 1e-6)
    assert many["get-policy"] == many["control"]
    assert 150 <= many["get-policy"] <= 152
    assert 990 <= many["get-function"] <= 1002


def test_it_recovers_in_a_straight_line_and_not_everywhere_in_the_same_moment(pace: Pace) -> None:
    """Additive increase: what AWS may not have room for yet is tried again slowly."""
    for _ in range(3):
        pace.slower(*PLACE, now=1000.0 + 2 * _)
    rates = [granted(pace, 4, start=start) / 4 for start in (1010.0, 1025.0, 1040.0)]
    assert rates[0] < RATE * 0.45
    steps = [later - earlier for earlier, later in pairwise(rates)]
    assert all(RATE * 0.15 <= step <= RATE * 0.35 for step in steps)  # 15 s at a sixtieth of 15 a second is 3.75
    begins = set()
    for number in range(20):
        alone = Pace()
        place: tuple[str, str, Group] = (f"{number:012}", "us-east-1", "control")
        alone.slower(*place, now=1000.0)
        begins.add(round(alone._local._trouble[place][1], 1))
    assert len(begins) > 5


def test_a_hundred_places_are_paced_by_one_process_each_at_its_own_rate(pace: Pace) -> None:
    """Each asks when it was told to; none is asked for more often than it needs, or takes another's turn."""
    share, seconds = 0.33, 5.0
    turns = [(1000.0, number) for number in range(100)]
    went, asked = [0] * 100, 0
    while turns and turns[0][0] < 1000.0 + seconds:
        now, number = heapq.heappop(turns)
        wait = pace.take(f"{number:012}", "us-east-1", "get-policy", purpose="background", share=share, now=now)
        asked += 1
        went[number] += wait <= 0
        heapq.heappush(turns, (now + max(wait, 1e-6), number))
    assert {RATE * share * seconds - 1 <= each <= RATE * share * seconds + 2 for each in went} == {True}
    assert asked <= 3 * sum(went)


@pytest.mark.parametrize("purpose", ["click", "background"])
def test_with_redis_away_many_processes_stay_near_the_rate_together(purpose: Purpose) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        paces = [Pace(f"redis://127.0.0.1:{taken.getsockname()[1]}/0", processes=8) for _ in range(8)]
        together = [granted(pace, 10, purpose=purpose) for pace in paces]
    assert all(together)  # nobody stops
    assert RATE * 10 * 0.9 <= sum(together) <= RATE * 10 + 16


def test_trouble_that_redis_takes_along_is_still_known_to_who_met_it(valkey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(valkey, processes=1, prefix=f"test:{time.monotonic_ns()}")
    pace.slower(*PLACE, now=1000.0)
    monkeypatch.setattr(pace, "_alone_until", time.monotonic() + 60)
    assert granted(pace, 2, start=1000.0) <= RATE * 2 * 0.5 + 3


def test_what_is_watched_is_what_was_done(valkey: str) -> None:
    prefix = f"test:{time.monotonic_ns()}"
    pace, watching = Pace(valkey, prefix=prefix), Watching(valkey, prefix=prefix)
    for _ in range(3):
        pace.take(*PLACE, purpose="click", share=1.0)
    pace.slower(*PLACE)
    place, quiet = (PLACE[0], PLACE[1]), ("444455556666", "eu-west-1")
    seen = watching.buckets([place, quiet])
    assert seen is not None
    control = seen[PLACE]
    assert (control.calls, control.times, control.rate) == (3, 1, RATE)
    assert 0.5 <= control.part < 0.6
    assert abs(control.at - time.time()) < 5
    assert seen[*quiet, "control"] == Bucket(*quiet, "control", RATE)
    assert watching.throttled() == [place]


def test_a_429_of_another_kind_of_calls_is_none_of_those_that_are_watched(valkey: str) -> None:
    prefix = f"test:{time.monotonic_ns()}"
    pace, watching = Pace(valkey, prefix=prefix), Watching(valkey, prefix=prefix)
    pace.slower("444455556666", "us-east-1", "organizations")
    pace.slower("444455556666", "eu-west-1", "sources")
    assert watching.throttled() == []
    pace.slower("444455556666", "eu-west-1", "control")
    assert watching.throttled() == [("444455556666", "eu-west-1")]


def test_with_redis_away_nothing_is_said_about_the_pace() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        watching = Watching(f"redis://127.0.0.1:{taken.getsockname()[1]}/0")
        assert watching.buckets([("444455556666", "us-east-1")]) is None
        assert watching.throttled() is None
