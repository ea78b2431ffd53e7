"""SQLite with several processes: WAL, a busy timeout and IMMEDIATE transactions."""

import os
import subprocess
import sys
from pathlib import Path

from sharing.running.install import CHECKOUT

WRITERS, WRITES = 6, 100

#: A service's habit: read, decide, write, in one transaction.
WRITER = """
import sys, django
django.setup()
from django.db import transaction
from sharing.models import Account
for number in range(int(sys.argv[2])):
    with transaction.atomic():
        seen = Account.objects.count()
        Account.objects.create(number=f"{sys.argv[1]}{number:011d}", name=f"after {seen}")
"""


def _environ(path: Path) -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "sharing.settings", "DATABASE_URL": f"sqlite:///{path}"}


def test_six_writers_at_once_never_find_it_locked(tmp_path: Path) -> None:
    environ = _environ(tmp_path / "shared.sqlite3")
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=CHECKOUT, env=environ, check=True)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(name), str(WRITES)],
            cwd=CHECKOUT,
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in range(1, WRITERS + 1)
    ]
    errors = [writer.communicate(timeout=120)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS, "\n".join(errors)
    asked = (
        "from django.db import connection; from sharing.models import Account\n"
        "with connection.cursor() as cursor:\n"
        "    cursor.execute('PRAGMA journal_mode'); print(cursor.fetchone()[0])\n"
        "print(Account.objects.count(), Account.objects.values('name').distinct().count())"
    )
    told = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", asked],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    # Every write saw all earlier ones: no two of them counted the same number.
    assert told == ["wal", str(WRITERS * WRITES), str(WRITERS * WRITES)]
