"""Settings of the test suite: the product's own, with an environment that the suite controls."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "tests-only-9f3b2c71d05e4a86b7c1e2f3a4d5b6c7-0123456789")
os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,testserver")
os.environ.setdefault("PUBLIC_URL", "http://localhost:8000")
os.environ.setdefault("DATABASE_URL", "sqlite:///var/unused-by-tests.sqlite3")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")  # nothing listens: a dead broker is the normal case here
for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "OWNER_TAG"):
    os.environ.pop(name, None)

from sharing.provider import VARIABLES  # noqa: E402

for name in VARIABLES:
    os.environ.pop(name, None)

from sharing.settings import *  # noqa: E402, F403
from sharing.settings import DATABASES  # noqa: E402

if "sqlite3" in str(DATABASES["default"]["ENGINE"]):
    # A real file, as in production, and one for each test process: in memory SQLite locks by other rules.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"fnshare-tests-{os.getpid()}.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
STATIC_ROOT: Path | None = None  # type: ignore[no-redef]  # whitenoise then serves nothing and asks for no collected files
