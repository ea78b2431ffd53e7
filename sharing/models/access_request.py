"""Requests: somebody asks for access, or for more or longer; the function's owners decide."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .account import Account
from .grant import Grant
from .person import Actor, User
from .policy import Policy


class RequestKind(models.TextChoices):
    """What is asked for."""

    NEW = "new", "Access"
    MORE = "more", "Another action or alias"
    LONGER = "longer", "A later end date"


class RequestState(models.TextChoices):
    """Where it stands. Approved says nothing about AWS: that is the state of the grant it became."""

    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    """Which requests."""

    def visible_to(self, actor: Actor) -> "AccessRequestQuerySet":
        """The owner's side: requests about functions of accounts in the actor's scope."""
        if actor.active and actor.sees_every_account:
            return self
        return self.filter(policy__function__account__in=Account.objects.visible_to(actor))

    def asked_by(self, actor: Actor) -> "AccessRequestQuerySet":
        """The asker's side: one's own."""
        return self.filter(person=actor.person) if actor.kind == "person" and actor.person else self.none()

    def about(self, text: str) -> "AccessRequestQuerySet":
        """What somebody whose address, or an account whose name or digits hold the text asks for, or a function called so."""
        if not text:
            return self
        accounts = Account.objects.called(text).order_by().values("pk")
        function = Q(asked_for__icontains=text) | Q(policy__function__arn__icontains=text)
        return self.filter(function | Q(person__email__icontains=text) | Q(account__in=accounts))

    def open(self) -> "AccessRequestQuerySet":
        """Not decided."""
        return self.filter(state=RequestState.OPEN)


class AccessRequest(models.Model):
    """One wish. `asked_for` is what the asker typed, and all they are ever shown; `policy` is what it means, if anything.

    A request for a function that does not exist, or that nobody may ask for, is kept and looks the same to the asker as
    any other that nobody answered: nothing tells which functions exist. Asking writes the row and looks nothing up; a
    worker does (`taken_up_at`), so that it takes the same time too.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=6, choices=RequestKind, default=RequestKind.NEW)
    state = models.CharField(max_length=9, choices=RequestState, default=RequestState.OPEN)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="access_requests")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="access_requests", help_text="For which.")
    asked_for = models.CharField(max_length=300, help_text="Function, as typed.")
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="access_requests")
    about = models.ForeignKey(
        Grant,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="access_requests",
        help_text="Of what more.",
    )
    action = models.CharField(max_length=100)
    principal = models.CharField(max_length=2048, blank=True, help_text="A role or user of the account; blank: the account.")
    ends_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=500, blank=True, help_text="What the owner said; the asker reads it.")
    changed = models.BooleanField(default=False, help_text="Approved with something else than was asked for.")
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    taken_up_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker looked what it means, and told the owners."
    )
    form_token = models.CharField(max_length=64, null=True, blank=True, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["policy", "state"], name="access_request_by_policy"),
            models.Index(fields=["person", "-created_at"], name="access_request_by_person"),
            models.Index(fields=["account", "state"], name="access_request_by_account"),
            models.Index(fields=["created_at"], name="access_request_untaken", condition=Q(taken_up_at=None)),
        )
        constraints = (
            models.CheckConstraint(condition=Q(state__in=RequestState.values), name="access_request_state_known"),
            models.CheckConstraint(condition=Q(kind__in=RequestKind.values), name="access_request_kind_known"),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "declined"]) | Q(decided_at__isnull=False),
                name="access_request_decided_when",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.asked_for} ({self.state})"
