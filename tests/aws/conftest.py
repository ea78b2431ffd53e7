"""AWS as the tests of this room have it answer."""

from collections.abc import Iterator

import pytest

from tests.aws.stubbed import Aws


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, unpaced: None) -> Iterator[Aws]:
    answers = Aws(monkeypatch)
    yield answers
    for stub in answers.stubs:
        stub.assert_no_pending_responses()
