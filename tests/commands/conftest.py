"""The story's estate for commands: rows as an installation has them, and the sandbox behind."""

from typing import TYPE_CHECKING

import pytest

from sharing.models import Policy
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


@pytest.fixture
def hello(estate: Estate) -> Policy:
    return estate.policy("hello_world")
