"""Signature Version 4, verified: the Authorization header and the presigned form, session tokens and dates.

Source: the SigV4 chapter of the IAM user guide. Error codes differ by service: query services answer
InvalidClientTokenId and SignatureDoesNotMatch, JSON services UnrecognizedClientException and
InvalidSignatureException, S3 its own.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote

from sharing.sandbox.errors import AwsError
from sharing.sandbox.identity import Directory

#: Seconds by which a request's clock may be off.
SKEW = 900

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)

Problem = Literal["missing", "incomplete", "unknown_key", "signature", "skew", "expired_token", "bad_token", "expired_url"]


@dataclass(frozen=True)
class Request:
    """The parts of an HTTP request that a signature covers. path and query are as they were on the wire."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Scope:
    access_key_id: str
    date: str
    region: str
    service: str


@dataclass(frozen=True)
class _Claim:
    scope: Scope
    signed_headers: list[str]
    signature: str
    timestamp: str
    token: str
    lifetime: int | None


def refusal(problem: Problem, service: str) -> AwsError:
    """The code, status and message that `service` answers for a signature problem."""
    kind = "s3" if service == "s3" else "query" if service in ("sts", "iam", "sns", "ec2", "monitoring") else "json"
    invalid_token = "The security token included in the request is invalid."  # noqa: S105
    mismatch = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )
    table: dict[Problem, dict[str, tuple[str, int, str]]] = {
        "missing": {
            "s3": ("AccessDenied", 403, "Access Denied"),
            "query": ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
            "json": ("MissingAuthenticationTokenException", 403, "Missing Authentication Token"),
        },
        "incomplete": {
            "s3": ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed."),
            "query": ("IncompleteSignature", 400, "Authorization header requires 'Credential', 'SignedHeaders' and "
                      "'Signature' parameters and a date."),
            "json": ("IncompleteSignatureException", 400, "Authorization header requires 'Credential', "
                     "'SignedHeaders' and 'Signature' parameters and a date."),
        },
        "unknown_key": {
            "s3": ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
            "query": ("InvalidClientTokenId", 403, invalid_token),
            "json": ("UnrecognizedClientException", 403, invalid_token),
        },
        "bad_token": {
            "s3": ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
            "query": ("InvalidClientTokenId", 403, invalid_token),
            "json": ("UnrecognizedClientException", 403, invalid_token),
        },
        "signature": {
            "s3": ("SignatureDoesNotMatch", 403, mismatch),
            "query": ("SignatureDoesNotMatch", 403, mismatch),
            "json": ("InvalidSignatureException", 403, mismatch),
        },
        "skew": {
            "s3": ("RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too "
                   "large."),
            "query": ("SignatureDoesNotMatch", 403, "Signature expired or not yet current: the request's date is more "
                      "than 15 minutes from now."),
            "json": ("InvalidSignatureException", 403, "Signature expired or not yet current: the request's date is "
                     "more than 15 minutes from now."),
        },
        "expired_url": {
            "s3": ("AccessDenied", 403, "Request has expired"),
            "query": ("SignatureDoesNotMatch", 403, "Signature expired: the presigned request's lifetime has ended."),
            "json": ("InvalidSignatureException", 403, "Signature expired: the presigned request's lifetime has "
                     "ended."),
        },
        "expired_token": {
            "s3": ("ExpiredToken", 400, "The provided token has expired."),
            "query": ("ExpiredToken", 403, "The security token included in the request is expired"),
            "json": ("ExpiredTokenException", 403, "The security token included in the request is expired"),
        },
    }  # fmt: skip
    return AwsError(*table[problem][kind])


def scope_of(request: Request) -> Scope | None:
    """Key, date, region and service that the request claims, before anything is verified."""
    claim = _claim(request)
    return claim.scope if isinstance(claim, _Claim) else None


def _claim(request: Request) -> "_Claim | Problem":
    authorization = request.headers.get("authorization", "")
    if authorization:
        found = _HEADER.fullmatch(authorization.strip())
        timestamp = request.headers.get("x-amz-date", "")
        if not found or not timestamp:
            return "incomplete"
        credential, signed, signature = found["credential"], found["headers"], found["signature"]
        token, lifetime = request.headers.get("x-amz-security-token", ""), None
    else:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        if "X-Amz-Signature" not in query:
            return "missing"
        credential, signed = query.get("X-Amz-Credential", ""), query.get("X-Amz-SignedHeaders", "")
        signature, timestamp = query["X-Amz-Signature"], query.get("X-Amz-Date", "")
        token = query.get("X-Amz-Security-Token", "")
        expires = query.get("X-Amz-Expires", "")
        if query.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" or not expires.isdigit():
            return "incomplete"
        lifetime = int(expires)
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not signed:
        return "incomplete"
    return _Claim(Scope(*parts[:4]), signed.split(";"), signature, timestamp, token, lifetime)


def verify(request: Request, directory: Directory, clock: Callable[[], float] = time.time) -> Scope:
    """The verified scope of a signed request. Raises AwsError, coded as the service would, when anything is wrong."""
    claim = _claim(request)
    if not isinstance(claim, _Claim):
        raise refusal(claim, _guess_service(request))
    service = claim.scope.service
    problem = _problem(request, claim, directory, clock())
    if problem is not None:
        raise refusal(problem, service)
    return claim.scope


def _problem(request: Request, claim: _Claim, directory: Directory, now: float) -> Problem | None:
    key_id = claim.scope.access_key_id
    session = directory.session(key_id)
    if session is not None:
        secret = session.secret_access_key
        if not hmac.compare_digest(claim.token.encode(), session.token.encode()):
            return "bad_token"
    else:
        key = directory.long_term_key(key_id)
        if key is None:
            return "unknown_key"
        if claim.token:
            return "bad_token"
        secret = key[2]
    try:
        signed_at = datetime.strptime(claim.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return "incomplete"
    if not claim.timestamp.startswith(claim.scope.date) or "host" not in claim.signed_headers:
        return "signature"
    expected = _signature(request, claim, secret)
    if not hmac.compare_digest(expected, claim.signature):
        return "signature"
    if claim.lifetime is not None:
        if claim.lifetime > 604800 or signed_at - now > SKEW:
            return "skew"
        if now > signed_at + claim.lifetime:
            return "expired_url"
    elif abs(now - signed_at) > SKEW:
        return "skew"
    if session is not None and now >= session.expires:
        return "expired_token"
    return None


@lru_cache(maxsize=1024)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _signature(request: Request, claim: _Claim, secret: str) -> str:
    scope = claim.scope
    canonical = _canonical(request, claim)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    place = f"{scope.date}/{scope.region}/{scope.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{claim.timestamp}\n{place}\n{digest}"
    key = _signing_key(secret, scope.date, scope.region, scope.service)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _canonical(request: Request, claim: _Claim) -> str:
    presigned = claim.lifetime is not None
    pairs = [
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in _raw_pairs(request.query)
        if not (presigned and name == "X-Amz-Signature")
    ]
    query = "&".join(f"{name}={value}" for name, value in sorted(pairs))
    headers = "".join(f"{n}:{' '.join(request.headers.get(n, '').split())}\n" for n in claim.signed_headers)
    path = request.path or "/"
    if claim.scope.service != "s3":
        path = quote(path, safe="/-_.~")
    return "\n".join([request.method, path, query, headers, ";".join(claim.signed_headers), _payload_hash(request, claim)])


def _raw_pairs(query: str) -> list[tuple[str, str]]:
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote(name), unquote(value)))
    return pairs


def _payload_hash(request: Request, claim: _Claim) -> str:
    stated = request.headers.get("x-amz-content-sha256", "")
    if claim.scope.service == "s3":
        if claim.lifetime is not None and not stated:
            return "UNSIGNED-PAYLOAD"
        if stated == "UNSIGNED-PAYLOAD" or stated.startswith("STREAMING-"):
            return stated
    return hashlib.sha256(request.body).hexdigest()


def _guess_service(request: Request) -> str:
    """The service an unsigned request means, as far as its path and body tell."""
    if re.match(r"/20\d\d-\d\d-\d\d/", request.path):
        return "lambda"
    if b"Action=" in request.body or "Action=" in request.query:
        return "sts"
    return "lambda" if "x-amz-target" in request.headers else "s3"
