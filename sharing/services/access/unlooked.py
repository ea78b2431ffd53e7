"""What an answer about access did not look at. Every answer says it, and "nobody" is never said without."""

from __future__ import annotations

SOURCES = (
    "Who may write to a source that a function polls (SQS, Kinesis, DynamoDB, Kafka…), or to a bucket, topic or rule that may "
    "call it, is not read: it makes the function run, and is not counted."
)
PAST_MAPPINGS = "Event source mappings are known only as they are now, not as they were then."
CONSUMERS = (
    "What the callers' own accounts allow or forbid (identity policies, permission boundaries, service and resource "
    "control policies) is not read: it can only take away from what is listed for other accounts."
)


def owner(name: str) -> str:
    """About the account that owns what was asked about."""
    return (
        f"Identity policies and role trusts inside {name} are not read: its own people and roles, and whoever may assume "
        "those roles, may be let in there without any statement here."
    )


def details(functions: int) -> str:
    """How many functions' published versions and URLs were never looked at."""
    many = "1 function" if functions == 1 else f"{functions:,} functions"
    return f"The published versions and the URLs of {many} were not read yet: versions have policies of their own."


def mappings(functions: int) -> str:
    """How many functions' event source mappings were never looked at."""
    many = "1 function" if functions == 1 else f"{functions:,} functions"
    return f"The event source mappings (SQS, Kinesis, DynamoDB, Kafka…) of {many} were not read yet."


VERSIONS = "The policies of its published versions were not read yet."
URLS = "Whether it has a function URL was not read yet: statements for a URL are taken as if there were one."
UNREAD_URLS = "Where a function's URLs were not read, statements for one count as if there were one."
PAST_URLS = "Function URLs are known only as they are now: statements for a URL are taken as if there had been one then."
