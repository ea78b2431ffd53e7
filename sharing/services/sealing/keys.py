"""The key that signs seals: Ed25519, in a file that only workers may read. Whoever verifies needs its public half only."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


class NoKey(Exception):
    """A key was named and cannot be used; `str()` says why, without anything of it."""


@dataclass(frozen=True)
class PublicKey:
    """What verifies. text: 32 bytes in base64."""

    text: str

    @property
    def name(self) -> str:
        """Which key it is: 16 hex digits."""
        return hashlib.sha256(base64.b64decode(self.text)).hexdigest()[:16]

    def fits(self, message: bytes, signature: str) -> bool:
        """Whether this key signed exactly this."""
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(self.text)).verify(base64.b64decode(signature), message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """What signs."""

    _key: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"Signer({self.public.name})"

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        raw = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return PublicKey(base64.b64encode(raw).decode())

    def sign(self, message: bytes) -> str:
        """In base64."""
        return base64.b64encode(self._key.sign(message)).decode()


def signer() -> Signer | None:
    """The worker's key; None when HISTORY_KEY_FILE is not set. Raises NoKey when it is and there is no such key."""
    return read(Path(settings.HISTORY_KEY_FILE)) if settings.HISTORY_KEY_FILE else None


def read(path: Path) -> Signer:
    """A key from a PEM file. Raises NoKey."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as problem:
        raise NoKey(f"{path} cannot be read: {problem.strerror}.") from None
    except (ValueError, TypeError):
        raise NoKey(f"{path} holds no key in PEM without a password.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise NoKey(f"{path} holds another kind of key than Ed25519.")
    return Signer(key)


def make(path: Path) -> Signer:
    """A new key in a new file that only its owner may read. Raises NoKey when the file is there or cannot be made."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
            file.write(pem)
    except OSError as problem:
        raise NoKey(f"{path} cannot be made: {problem.strerror}.") from None
    return Signer(key)


def public(text: str) -> PublicKey:
    """A public key from what a person typed. Raises NoKey."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
        Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        raise NoKey(f"“{text[:50]}” is no public key: 44 characters, as manage.py history-key prints them.") from None
    return PublicKey(base64.b64encode(raw).decode())
