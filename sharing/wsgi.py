"""What gunicorn serves."""

import gc
import os
import sys

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from sharing.environment import Misconfigured, without_aws

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharing.settings")

# Pages never talk to AWS. sharing.running.web starts gunicorn without credentials; whoever starts it otherwise
# still gets a process whose code finds none.
_clean = without_aws(os.environ)
for _name in set(os.environ) - set(_clean):
    del os.environ[_name]
os.environ.update(_clean)

try:
    application = get_wsgi_application()
    _ = get_resolver().url_patterns  # loads every page now, not at the first click
    # What is loaded stays: the collector need not look at it again in the middle of a page, and forked processes share it.
    gc.collect()
    gc.freeze()
except Misconfigured as problem:
    print(problem, file=sys.stderr)  # noqa: T201  # before any log is set up
    sys.exit(4)  # gunicorn's "application failed to load": it ends, where any other status makes it try for ever
