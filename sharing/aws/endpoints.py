"""Where calls may go: hosts of AWS, or the endpoints that the worker's environment names. Everything else is stopped before it
is sent.

Host names are made of regions, bucket names and what AWS answers; regions come out of ARNs that people paste. So a region has
to look like one of the role's partition before a client is made, and every request's host is looked at once more when it is
ready to leave, signed and with the session's token in it.
"""

import os
import re
from typing import Any
from urllib.parse import urlsplit

from sharing.environment import is_loopback
from sharing.policy.arn import PARTITIONS, is_region, partition_of_region

from .errors import ForeignEndpoint, Refused

_VARIABLE = "AWS_ENDPOINT_URL"
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def check_region(region: str, partition: str) -> None:
    """Raise Refused unless the text is a region's name, of this partition."""
    if partition in PARTITIONS and is_region(region) and partition_of_region(region) == partition:
        return
    raise Refused(
        f"“{region[:40]}” is no region of the partition {partition[:20]}.",
        next="Write a region such as us-east-1, of the partition that the role belongs to.",
        code="NotARegion",
    )


def watch(session: Any) -> None:
    """Look at every request of the session's clients in the moment before it is sent."""
    suffixes = _suffixes(session.get_component("data_loader"))
    configured = {_origin(value) for name, value in os.environ.items() if name.startswith(_VARIABLE) and value}

    def look(request: Any, **_: Any) -> None:
        if not allowed(request.url, suffixes, configured):
            raise ForeignEndpoint(host=str(urlsplit(request.url).hostname)[:100])

    session.register("before-send", look)


def allowed(url: str, suffixes: tuple[str, ...], configured: set[tuple[str, str]]) -> bool:
    """Whether a request may go there: https to a host below one of AWS's names, or a configured endpoint, which is https
    too unless it is on this machine."""
    scheme, netloc = _origin(url)
    if (scheme, netloc) in configured:
        return scheme == "https" or is_loopback(urlsplit(url).hostname or "")
    # No port, no user: AWS has neither, and both make a host look like another one.
    return scheme == "https" and _HOST.fullmatch(netloc) is not None and netloc.endswith(suffixes)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _suffixes(loader: Any) -> tuple[str, ...]:
    """The names below which a partition's endpoints are, as this installation's botocore knows them."""
    outputs = [one["outputs"] for one in loader.load_data("partitions")["partitions"]]
    return tuple(sorted({f".{one[name]}" for one in outputs for name in ("dnsSuffix", "dualStackDnsSuffix")}))
