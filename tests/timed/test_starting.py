"""How long a person waits for `make demo`."""

import time
from pathlib import Path

from tests.live import LiveDemo


def test_the_second_start_with_its_story_is_ready_within_ten_seconds(tmp_path: Path) -> None:
    LiveDemo(tmp_path, told=False).start().stop()  # what the first start keeps for the second has nothing of the story
    demo = LiveDemo(tmp_path)
    began = time.monotonic()
    demo.start()
    took = time.monotonic() - began
    demo.stop()
    assert took < 10, f"{took:.1f} s\n{demo.logs()}"
