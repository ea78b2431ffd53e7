"""People who sign in, what each may do, and on whose behalf something is done."""

import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class Role(models.TextChoices):
    """What a person may do; on which accounts is their scope. A consumer has no scope, only memberships."""

    ADMIN = "admin", "Admin"
    OWNER = "owner", "Owner"
    AUDITOR = "auditor", "Auditor"
    CONSUMER = "consumer", "Consumer"


class Theme(models.TextChoices):
    """How the pages look to this person."""

    AUTO = "auto", "As my device"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class UserManager(BaseUserManager["User"]):
    """Creates people; e-mail addresses are kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person who may sign in. Without a password they set one through the reset link."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean()
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """E-mail addresses are compared without case."""
        return self.get(email=(username or "").strip().lower())

    def acting_for(self, number: str) -> "models.QuerySet[User]":
        """Active people who act for the account with these digits, in the order of their addresses."""
        acting = self.filter(is_active=True, memberships__ended_at=None, memberships__account__number=number)
        return acting.order_by("email").distinct()


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The scope is either every account or the ones listed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.AUDITOR)
    every_account = models.BooleanField(default=False)
    accounts = models.ManyToManyField("sharing.Account", blank=True, related_name="people")
    time_zone = models.CharField(max_length=64, default="UTC")
    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)
    reminders = models.BooleanField(default=True, help_text="Whether mail reminds them of what ends or waits for them.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (
            models.UniqueConstraint(Lower("email"), name="user_email_without_case"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known"),
            models.CheckConstraint(
                condition=~models.Q(role=Role.ADMIN) | models.Q(every_account=True),
                name="user_admin_sees_every_account",
            ),
            models.CheckConstraint(
                condition=~models.Q(role=Role.CONSUMER) | models.Q(every_account=False),
                name="user_consumer_has_no_scope",
            ),
        )

    def __str__(self) -> str:
        return self.name or self.email


@dataclass(frozen=True)
class Actor:
    """On whose behalf: a signed-in person, the machine's operator (a shell), or fnshare itself.

    `claimed` marks a person named by `--by` on a shell: recorded beside the operator, never counted as an approver.
    """

    kind: str  # "person" | "operator" | "system"
    person: User | None = None
    operator: str = ""
    claimed: bool = False

    @classmethod
    def of(cls, user: User) -> "Actor":
        """A person who signed in."""
        return cls(kind="person", person=user)

    @classmethod
    def at_shell(cls, operator: str, claimed: User | None = None) -> "Actor":
        """The operating-system user who ran a command, and whom they say they act for."""
        return cls(kind="operator", person=claimed, operator=operator, claimed=claimed is not None)

    @classmethod
    def system(cls) -> "Actor":
        """fnshare itself: the sweep, a schedule, an end date."""
        return cls(kind="system")

    @property
    def label(self) -> str:
        """The name that history keeps."""
        if self.kind == "system":
            return "fnshare"
        if self.kind == "operator":
            shell = f"operator {self.operator}"
            return f"{self.person.email} (claimed by {shell})" if self.person else shell
        return self.person.email if self.person else "unknown"

    @property
    def role(self) -> Role:
        """The rights that apply: the person's; an operator without a person has an admin's."""
        return Role(self.person.role) if self.person else Role.ADMIN

    @property
    def active(self) -> bool:
        """Whether the person may still act at all."""
        return self.person is None or self.person.is_active

    @property
    def is_consumer(self) -> bool:
        """Whether the person sees only what is shared with the accounts they act for: nothing of the owners' side."""
        return self.person is not None and self.role == Role.CONSUMER

    @property
    def sees_every_account(self) -> bool:
        """Whether no account is out of scope."""
        return self.person is None or (self.person.every_account and not self.is_consumer)

    def may_change(self) -> bool:
        """Owners and admins change things; auditors change nothing."""
        return self.active and self.role in (Role.ADMIN, Role.OWNER)

    def is_admin(self) -> bool:
        """Admins connect accounts and add people."""
        return self.active and self.role == Role.ADMIN

    def sees(self, account_pk: uuid.UUID) -> bool:
        """Whether this account (primary key) is in scope."""
        return (
            self.active
            and not self.is_consumer
            and (self.sees_every_account or (self.person is not None and self.person.accounts.filter(pk=account_pk).exists()))
        )
