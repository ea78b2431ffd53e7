"""Settings of benchmarks.pages: the product's, with Django's own admin to compare with (benchmarks.compared)."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.admin"]
ALLOWED_HOSTS = ["*"]
