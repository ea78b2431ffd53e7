"""`manage.py share-many`: every line judged, those that can be are shared, and the exit code says what is not."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sharing.models import Bulk, Grant
from tests import factories
from tests.commands.running import asked
from tests.services.kept import ACME, GLOBEX, owner

if TYPE_CHECKING:
    from sharing.models import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def platform() -> "Account":
    return owner()


def file(folder: Path, *lines: str) -> str:
    path = folder / "list.csv"
    path.write_text("\n".join(("function,principal,action,until,reason", *lines)))
    return str(path)
