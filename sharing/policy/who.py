"""One free-text field that understands whom a person means: an account, a role, an organisation, a service, everyone.

Facts: the principals AddPermission accepts and refuses (IAM User Guide, Principal element): no groups, no wildcards
inside an ARN, no bare `amazonaws.com`, no principal of another partition.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

from . import services as known_services
from .arn import Arn, ArnError, is_account_id, shorten
from .principal import GHOST, ORGANIZATION_ID, Principal, PrincipalKind


class WhoError(ValueError):
    """The text names nobody one can share with. `str(error)` says what is wrong and what to do."""


_EVERYONE: Final = frozenset({"*", "everyone", "anyone", "everybody", "anybody", "public"})
_FORMS: Final = (
    "Write an account id (12 digits) or name, the ARN of a role or user, an organisation id (o-…), "
    "a service such as s3.amazonaws.com, or everyone."
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_QUOTES: Final = "\"'`“”‘’«»"
_ACCESS_KEY = re.compile(r"(AKIA|ASIA)[A-Z0-9]{12,}", re.ASCII)
_UNIQUE_ID = re.compile(r"(AGPA|ANPA|AIPA|ANVA|ASCA|APKA)[A-Z0-9]{12,}", re.ASCII)
_OTHER_DIGIT_FORMS = re.compile(r"[0-9][0-9\s.\u2010-\u2015-]*", re.ASCII)
_PATH = re.compile(r"[\x21-\x7e]+", re.ASCII)
_IAM_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_MISSPELT_DOMAIN = re.compile(r"[a-z0-9.-]+\.(ama\w*|amz\w*|aws\w*)(\.\w+)*", re.ASCII | re.IGNORECASE)


def parse_who(
    text: str,
    *,
    names: Mapping[str, str] | None = None,
    partition: str = "aws",
    services: Mapping[str, known_services.Service] = known_services.KNOWN,
) -> Principal:
    """The principal a person means.

    `names` maps the human names of known accounts to their ids; letter case does not matter. `partition` is that of
    the function to be shared. Raises WhoError with a sentence that says what to do.
    """
    wanted = " ".join(_INVISIBLE.sub("", text).split()).strip(_QUOTES).strip()
    if not wanted:
        raise WhoError(f"Say who should get access. {_FORMS}")
    if wanted.casefold() in _EVERYONE:
        return Principal(PrincipalKind.EVERYONE, "*", None, partition)
    compact = re.sub(r"[\s.\u2010-\u2015-]", "", wanted)
    if is_account_id(compact) and _OTHER_DIGIT_FORMS.fullmatch(wanted):
        return Principal(PrincipalKind.ACCOUNT, compact, compact, partition)
    if wanted.lower().startswith("arn:"):
        return _from_arn(wanted, partition)
    named = _by_name(wanted, names or {}, partition, services)
    if named:
        return named
    if _OTHER_DIGIT_FORMS.fullmatch(wanted):
        raise WhoError(
            f"“{shorten(wanted)}” has {len(compact)} digits: an AWS account id has exactly 12. Check it and try again."
        )
    return (
        _from_organization(wanted, partition)
        or _from_service(wanted, partition, services)
        or _give_up(wanted, names or {}, services)
    )


def _by_name(
    wanted: str, names: Mapping[str, str], partition: str, services: Mapping[str, known_services.Service]
) -> Principal | None:
    found = {name: number for name, number in names.items() if name.strip().casefold() == wanted.casefold()}
    if not found:
        return None
    ids = sorted(set(found.values()))
    if len(ids) > 1:
        listed = " and ".join(f"{name} ({number})" for name, number in sorted(found.items(), key=lambda item: item[1]))
        raise WhoError(f"“{shorten(wanted)}” is the name of more than one account: {listed}. Write the account id.")
    service = known_services.find(wanted, services)
    if service:
        raise WhoError(
            f"“{shorten(wanted)}” is both an account ({ids[0]}) and a service ({service.principal}): "
            "write the account id or the service's full name."
        )
    return Principal(PrincipalKind.ACCOUNT, ids[0], ids[0], partition)


def _from_organization(wanted: str, partition: str) -> Principal | None:
    folded = wanted.lower()
    if ORGANIZATION_ID.fullmatch(folded):
        return Principal(PrincipalKind.ORGANIZATION, folded, None, partition)
    if re.fullmatch(r"ou-[a-z0-9-]+|r-[a-z0-9]+", folded) or re.match(r"o-[a-z0-9]+/", folded):
        raise WhoError(
            f"“{shorten(wanted)}” is part of an organisation: AWS shares a function with a whole organisation (o-…) "
            "or with single accounts. Write the organisation's id or the accounts."
        )
    if re.fullmatch(r"o-[a-z0-9]*", folded):
        raise WhoError(
            f"“{shorten(wanted)}” is not a whole organisation id: it is o- followed by 10 to 32 letters and digits. "
            "Copy it from the AWS Organizations console."
        )
    return None


def _from_service(wanted: str, partition: str, services: Mapping[str, known_services.Service]) -> Principal | None:
    found = known_services.find(wanted, services)
    if found:
        return Principal(PrincipalKind.SERVICE, found.principal, None, partition)
    folded = wanted.lower()
    if folded in ("amazonaws.com", "amazonaws.com.cn", "amazon.com", ".amazonaws.com"):
        raise WhoError("amazonaws.com alone names no service: write the service before it, such as s3.amazonaws.com.")
    if known_services.is_service_name(folded):
        if known_services.lookup(folded, services):
            return Principal(PrincipalKind.SERVICE, folded, None, partition)
        close = known_services.suggestion(folded, services)
        if close:
            raise WhoError(f"No service is called {shorten(wanted)}: did you mean {close}?")
        return Principal(PrincipalKind.SERVICE, folded, None, partition)
    if _MISSPELT_DOMAIN.fullmatch(wanted):
        close = known_services.suggestion(folded, services)
        first = folded.split(".", 1)[0]
        raise WhoError(f"“{shorten(wanted)}” is not a service name: did you mean {close or f'{first}.amazonaws.com'}?")
    return None


def _give_up(wanted: str, names: Mapping[str, str], services: Mapping[str, known_services.Service]) -> Principal:
    if GHOST.fullmatch(wanted) or _UNIQUE_ID.fullmatch(wanted):
        raise WhoError(
            f"{wanted} is the internal id of a role or user, not its name: write its ARN, "
            "such as arn:aws:iam::111122223333:role/deploy."
        )
    if _ACCESS_KEY.fullmatch(wanted):
        raise WhoError("That is an access key id, which belongs to no page: write the account id or a role's ARN.")
    if "@" in wanted and " " not in wanted:
        raise WhoError(
            "AWS shares with accounts and roles, not with e-mail addresses: "
            "write the account id, or invite the person and let them name their account."
        )
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(wanted.casefold(), folded, n=1, cutoff=0.75)
    if close:
        name = folded[close[0]]
        raise WhoError(f"No account is called “{shorten(wanted)}”: did you mean {name} ({names[name]})?")
    service = known_services.suggestion(wanted, services)
    if service:
        raise WhoError(f"“{shorten(wanted)}” is neither an account nor a service: did you mean {service}?")
    raise WhoError(f"“{shorten(wanted)}” is nobody AWS could share with. {_FORMS}")


def _from_arn(wanted: str, partition: str) -> Principal:
    if " " in wanted:
        raise WhoError("An ARN holds no spaces: copy it again, or share with one principal at a time.")
    try:
        arn = Arn.parse(wanted)
    except ArnError as error:
        raise WhoError(str(error)) from error
    if "*" in wanted or "?" in wanted:
        raise WhoError(
            "AWS accepts no wildcard inside a principal's ARN: write one whole role or user ARN, "
            "or the account id for everyone in that account."
        )
    if arn.partition != partition:
        raise WhoError(
            f"That principal is in partition {arn.partition}, the function in {partition}: "
            "AWS lets nobody in across partitions. Choose a principal of the function's own partition."
        )
    if arn.service == "organizations":
        return _from_organization_arn(arn)
    if arn.service not in ("iam", "sts"):
        raise WhoError(
            f"“{shorten(wanted)}” is a resource of {shorten(arn.service)}, not somebody: "
            "write the account id, or the ARN of the role that will call."
        )
    if not is_account_id(arn.account):
        raise WhoError(
            f"The account in the ARN, “{shorten(arn.account)}”, has {len(arn.account)} characters: "
            "an AWS account id has exactly 12 digits."
        )
    if arn.region:
        raise WhoError("The ARN of a role or user names no region: leave it empty, as in arn:aws:iam::ACCOUNT:role/NAME.")
    return _from_iam(arn) if arn.service == "iam" else _from_sts(arn)


_NOT_PRINCIPALS: Final[dict[str, str]] = {
    "group": "An IAM group can never be a principal: share with its users, with a role, or with the whole account.",
    "instance-profile": "An instance profile is not a principal: write the ARN of the role inside it.",
    "saml-provider": "An identity provider cannot be given a function: share with the role its people assume.",
    "oidc-provider": "An identity provider cannot be given a function: share with the role its people assume.",
    "policy": "A policy is not a principal: write the ARN of a role or user, or the account id.",
    "federated-user": "A federated user is one temporary session: share with the user or role it comes from.",
}


def _from_iam(arn: Arn) -> Principal:
    if arn.resource == "root":
        return Principal(PrincipalKind.ACCOUNT, arn.account, arn.account, arn.partition)
    kind, _, rest = arn.resource.partition("/")
    if kind in _NOT_PRINCIPALS:
        raise WhoError(_NOT_PRINCIPALS[kind])
    if kind not in ("role", "user"):
        raise WhoError(f"“{shorten(str(arn))}” is neither a role nor a user: write such an ARN, or the account id.")
    _check_identity(kind, rest)
    return Principal(PrincipalKind(kind), str(arn), arn.account, arn.partition)


def _check_identity(kind: str, rest: str) -> None:
    name = rest.rsplit("/", 1)[-1]
    if not name:
        raise WhoError(f"The ARN ends before the {kind}'s name: copy the whole ARN from the IAM console.")
    if not _IAM_NAME.fullmatch(name) or not _PATH.fullmatch(rest):
        raise WhoError(
            f"“{shorten(rest)}” cannot be the name of a {kind}: "
            "it has at most 64 letters, digits and + = , . @ _ - after its path."
        )


def _from_sts(arn: Arn) -> Principal:
    kind, _, rest = arn.resource.partition("/")
    if kind in _NOT_PRINCIPALS:
        raise WhoError(_NOT_PRINCIPALS[kind])
    role, _, session = rest.partition("/")
    if kind != "assumed-role" or not _IAM_NAME.fullmatch(role) or not _IAM_NAME.fullmatch(session):
        raise WhoError(
            f"“{shorten(str(arn))}” is not a session of a role: it has the form "
            "arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION. To let every session in, write the role's own ARN."
        )
    return Principal(PrincipalKind.SESSION, str(arn), arn.account, arn.partition)


def _from_organization_arn(arn: Arn) -> Principal:
    kind, _, rest = arn.resource.partition("/")
    identity = rest.split("/", 1)[0]
    if kind == "organization" and ORGANIZATION_ID.fullmatch(identity):
        return Principal(PrincipalKind.ORGANIZATION, identity, None, arn.partition)
    if kind == "account" and is_account_id(rest.rsplit("/", 1)[-1]):
        number = rest.rsplit("/", 1)[-1]
        return Principal(PrincipalKind.ACCOUNT, number, number, arn.partition)
    raise WhoError(
        "AWS shares a function with a whole organisation (o-…) or with single accounts, "
        "not with a part of an organisation. Write the organisation's id or the accounts."
    )
