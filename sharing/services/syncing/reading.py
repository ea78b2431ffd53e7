"""Reading one function from AWS: network only, no database, so that many threads can do it."""

from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.utils import timezone

from sharing.aws.errors import AwsError, Refused, Unavailable
from sharing.aws.functions import Functions, ListedAlias, StoredPolicy

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PolicyRead:
    """One GetPolicy. at: when it was made. stored None and no failure: AWS has no policy."""

    at: datetime
    stored: StoredPolicy | None = None
    failure: str = ""


@dataclass
class FunctionRead:
    """What reading a function brought. aliases None: not listed, for `aliases_failure` or because nobody asked.

    policies: by qualifier ("" the function's own). gone: AWS does not know the function any more. stopped: reading was
    broken off and must be done again. outage: AWS gave no answer, which may not be this function's fault.
    """

    aliases: list[ListedAlias] | None = None
    aliases_failure: str = ""
    policies: dict[str, PolicyRead] = field(default_factory=dict)
    gone: bool = False
    stopped: bool = False
    outage: AwsError | None = None
    locked_out: Refused | None = None

    @property
    def unread(self) -> bool:
        """Whether something of the function stayed unread."""
        return bool(self.aliases_failure) or any(read.failure for read in self.policies.values())


def read_function(
    functions: Functions, name: str, *, known_aliases: tuple[str, ...] = (), list_aliases: bool = True
) -> FunctionRead:
    """ListAliases, and GetPolicy for the function and each alias; nothing else. Never raises.

    known_aliases: whose policies are read when the aliases cannot be listed.
    """
    result = FunctionRead()
    names = list(known_aliases)
    try:
        if list_aliases:
            try:
                result.aliases = functions.aliases(name)
                names = [alias.name for alias in result.aliases]
            except AwsError as error:
                if _ends(result, error):
                    return result
                result.aliases_failure = sentence_of(error)
        else:
            result.aliases_failure = "The role may not list aliases (lambda:ListAliases)."
        for qualifier in ("", *names):
            read_policy(functions, name, qualifier, result)
            if result.stopped or result.locked_out or result.gone:
                break
    except Exception as problem:  # one function that cannot be understood never spoils the others
        log.error("function_not_read", function=name, problem=type(problem).__name__, exc_info=True)
        result.policies.setdefault("", PolicyRead(timezone.now(), failure="fnshare could not understand AWS's answer."))
    return result


def read_policy(functions: Functions, name: str, qualifier: str, result: FunctionRead) -> None:
    """One GetPolicy into the result."""
    at = timezone.now()
    try:
        result.policies[qualifier] = PolicyRead(at, functions.policy(name, qualifier))
    except AwsError as error:
        if not _ends(result, error):
            result.policies[qualifier] = PolicyRead(at, failure=sentence_of(error))


def _ends(result: FunctionRead, error: AwsError) -> bool:
    """Errors that say nothing about one call only. Sets the flag; True: stop reading this function."""
    if error.code == "Cancelled":
        result.stopped = True
        return True
    if isinstance(error, Refused) and error.operation == "AssumeRole":
        result.locked_out = error
        return True
    if isinstance(error, Refused) and error.code == "ResourceNotFoundException":
        result.gone = True
        return True
    if isinstance(error, Unavailable):
        result.outage = error
    return False


def sentence_of(error: AwsError) -> str:
    """Why something stayed unread, without what changes from call to call: the same reason is kept as the same text."""
    return f"{error.sentence} ({error.code})" if error.code else error.sentence
