"""What an error text of a refused call tells: who, what, on which resource, and the reason AWS gave, if it gave one.

The words are a hint, never a proof: AWS leaves the reason out where it would disclose too much, names only one missing
half of two, and the text may have been edited on its way. Facts: IAM User Guide, "Troubleshoot access denied error
messages"; aws-facts 0.1, 0.6, 2, 2.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .arn import ArnError, FunctionArn, shorten

#: Longer texts are cut: the message that matters is one line, and every pattern stays fast.
LONGEST: Final = 8000


class Refused(StrEnum):
    """What kind of refusal the text is about."""

    NOT_AUTHORIZED = "not-authorized"
    NOT_FOUND = "not-found"
    OTHER_REGION = "other-region"
    LOGS = "logs"
    THROTTLED = "throttled"
    KMS = "kms"
    ENCODED = "encoded"
    CREDENTIALS = "credentials"
    URL = "url"
    SERVICE = "service"
    UNKNOWN = "unknown"


class PolicyType(StrEnum):
    """The kind of policy that AWS names as the reason."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    SERVICE_CONTROL = "service control policy"
    RESOURCE_CONTROL = "resource control policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    ENDPOINT = "VPC endpoint policy"
    TRUST = "role trust policy"


@dataclass(frozen=True, slots=True)
class AccessDenied:
    """One refusal, as told.

    `principal`, `action`, `resource`: as written, "" where the text does not say. `explicit`: whether it speaks of an
    explicit Deny. `policy_type`: whose Deny, or which policy allows nothing; None where no reason is given.
    `policy_arn`: of the policy that denied, where AWS names it. `regions`: of a call that went to another region
    (where the function is, where the call went). `service`: the service principal that was refused.
    """

    kind: Refused
    principal: str = ""
    action: str = ""
    resource: str = ""
    explicit: bool = False
    policy_type: PolicyType | None = None
    policy_arn: str = ""
    code: str = ""
    regions: tuple[str, ...] = ()
    service: str = ""

    @property
    def function(self) -> FunctionArn | None:
        """The function that the resource names, in the form that was called; None if it names none."""
        try:
            return FunctionArn.parse(self.resource)
        except ArnError:
            return None

    @property
    def reason(self) -> str:
        """AWS's reason in short; "" where it gave none."""
        if self.policy_type is None:
            return "an explicit deny" if self.explicit else ""
        article = "an" if self.policy_type is PolicyType.IDENTITY else "a"
        return f"an explicit deny in {article} {self.policy_type}" if self.explicit else f"no {self.policy_type} allows it"


_TYPES: Final = "|".join(re.escape(one.value) for one in PolicyType)
_NOT_AUTHORIZED: Final = " is not authorized to perform"
_ASKED = re.compile(r"\s?:?\s(?P<action>\S+)(?: on (?:the )?resource:? (?P<resource>\S+))?", re.IGNORECASE)
_PREFIX = re.compile(r"^\W*(user|principal):", re.IGNORECASE)
_END = re.compile(r"[<>\"'`“”]")
_EXPLICIT = re.compile(rf"explicit deny(?: in (?:an? |the )?(?P<type>{_TYPES})(?::? (?P<arn>arn:[^\s\"']+))?)?", re.IGNORECASE)
_IMPLICIT = re.compile(rf"because no (?P<type>{_TYPES}) allows", re.IGNORECASE)
_CODE = re.compile(r"\b(?P<code>[A-Z][A-Za-z]{2,60}(?:Exception|Error|Denied|Operation|Token|NotFound))\b")
_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]{1,30}:[0-9]{12}:function:[a-zA-Z0-9_.:$-]{1,200}", re.ASCII)
_REGIONS = re.compile(
    r"Functions from '(?P<there>[a-z0-9-]{1,30})' are not reachable in this region \('(?P<here>[a-z0-9-]{1,30})'\)",
    re.IGNORECASE,
)
_NOT_FOUND: Final = ("function not found", "cannot find alias arn", "resourcenotfoundexception", "cannot find version")
_CREDENTIALS: Final = (
    "expiredtoken",
    "security token included in the request is",
    "unrecognizedclient",
    "invalidclienttokenid",
    "invalidsignature",
    "signaturedoesnotmatch",
    "signature expired",
    "missingauthenticationtoken",
    "unable to locate credentials",
    "could not load credentials",
    "could not be found or loaded",
)
_THROTTLED: Final = ("toomanyrequests", "rate exceeded", "throttling", "requestlimitexceeded", "callerratelimitexceeded")
#: What services say when the function's policy does not let them in; the text never says for which account.
_SERVICES: Final = (
    ("unable to validate the following destination configurations", "s3.amazonaws.com"),
    ("invalid permissions on lambda function", "apigateway.amazonaws.com"),
    ("does not have permissions to invoke the function", ""),
    ("could not execute the lambda function", "logs.amazonaws.com"),
)


def read_denial(text: str) -> AccessDenied:
    """Read an error text: of the AWS CLI, an SDK, a log, with whatever stands around it. Never raises."""
    wanted = " ".join(text[:LONGEST].replace("\x00", " ").replace('\\"', '"').replace("\\n", " ").split())
    folded = wanted.lower()
    code = _code(wanted)
    if "cross-account log access is not allowed" in folded:
        return AccessDenied(Refused.LOGS, action="lambda:InvokeFunction", resource=_arn(wanted), code=code)
    if "encoded authorization failure message" in folded:
        return AccessDenied(Refused.ENCODED, code=code)
    if "kms" in folded and ("kmsaccessdenied" in folded or "unable to decrypt" in folded or "kms:decrypt" in folded):
        return AccessDenied(Refused.KMS, action="kms:Decrypt", resource=_arn(wanted), code=code)
    place = folded.find(_NOT_AUTHORIZED)
    if place >= 0:
        return _not_authorized(wanted, place, code)
    regions = _REGIONS.search(wanted)
    if regions:
        return AccessDenied(Refused.OTHER_REGION, resource=_arn(wanted), code=code, regions=(regions["there"], regions["here"]))
    if any(mark in folded for mark in _NOT_FOUND):
        return AccessDenied(Refused.NOT_FOUND, action="lambda:InvokeFunction", resource=_arn(wanted), code=code)
    if any(mark in folded for mark in _CREDENTIALS):
        return AccessDenied(Refused.CREDENTIALS, code=code)
    if any(mark in folded for mark in _THROTTLED):
        return AccessDenied(Refused.THROTTLED, resource=_arn(wanted), code=code)
    for mark, service in _SERVICES:
        if mark in folded:
            return AccessDenied(Refused.SERVICE, service, "lambda:InvokeFunction", _arn(wanted), code=code, service=service)
    if "forbidden" in folded:
        return AccessDenied(Refused.URL, action="lambda:InvokeFunctionUrl", resource=_arn(wanted), code=code)
    if "accessdenied" in folded or "access denied" in folded or "not authorized" in folded:
        return AccessDenied(Refused.NOT_AUTHORIZED, resource=_arn(wanted), code=code)
    return AccessDenied(Refused.UNKNOWN, resource=_arn(wanted), code=code)


def _not_authorized(text: str, place: int, code: str) -> AccessDenied:
    who = _PREFIX.sub("", text[:place].rpartition(" ")[2])
    rest = text[place + len(_NOT_AUTHORIZED) :]
    asked = _ASKED.match(rest)
    explicit, implicit = _EXPLICIT.search(rest), _IMPLICIT.search(rest)
    told = explicit or implicit
    kind = (told["type"] or "").lower() if told else ""
    resource = _trimmed(asked["resource"] or "") if asked else ""
    return AccessDenied(
        Refused.NOT_AUTHORIZED,
        principal=shorten(_trimmed(who), 2048),
        action=shorten(_trimmed(asked["action"]), 200) if asked else "",
        resource=shorten(resource if resource.startswith("arn:") else _arn(rest), 2048),
        explicit=explicit is not None,
        policy_type=next((one for one in PolicyType if one.value.lower() == kind), None),
        policy_arn=_trimmed(explicit["arn"] or "") if explicit else "",
        code=code,
    )


def _trimmed(text: str) -> str:
    """Without the quotes, brackets and full stops that stand around it."""
    return _END.split(text.lstrip("“”\"'`([{<"), maxsplit=1)[0].rstrip(",;)]}.:\\")


def _arn(text: str) -> str:
    """The first function ARN in the text; "" if there is none."""
    found = _ARN.search(text)
    return _trimmed(found[0]) if found else ""


def _code(text: str) -> str:
    named = re.search(r"\((?P<code>[A-Za-z]{3,60})\) when calling", text)
    found = named or _CODE.search(text)
    return found["code"] if found else ""
