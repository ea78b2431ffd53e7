"""What the page of an invitation shows to this visitor at this moment: one step at a time."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone

from sharing.forms.accepting import JoinForm, NameAccountForm, RoleNameForm
from sharing.models import Invitation, InvitationItem, InvitationState, Proof, Proving, ProvingState, Role, User
from sharing.policy.actions import find
from sharing.policy.arn import is_account_id
from sharing.services import connecting, proving
from sharing.services.proving import Recipes, Way

#: What "over" may be, and what it is called.
OVER = {
    InvitationState.ACCEPTED: ("circle-check", "This invitation was accepted"),
    InvitationState.DECLINED: ("circle-x", "This invitation was declined"),
    InvitationState.CANCELLED: ("circle-minus", "This invitation was cancelled"),
    InvitationState.EXPIRED: ("clock-x", "This invitation has expired"),
}


@dataclass(frozen=True)
class Offered:
    """One function, alias or version of the invitation, as the page words it."""

    item: InvitationItem
    name: str
    verb: str
    warning: str


def account_in(given: QueryDict) -> str:
    """The account that an address or a hidden field names: twelve digits, or "" for anything else."""
    text = given.get("account", "")
    return text if is_account_id(text) else ""


class Page:
    """One visitor, one invitation, one step.

    step: over, join, sign-in, inactive (the login is switched off), another (signed in with another address), auditor,
    account (name it), role (make it), accept, accepted.
    """

    def __init__(self, request: HttpRequest, invitation: Invitation) -> None:
        self.request = request
        self.invitation = invitation
        self.person = request.user if isinstance(request.user, User) else None
        self.mine = self.person is not None and self.person.email == invitation.email
        self.proving: Proving | None = None
        self.ways: list[Way] = []
        self.way: Way | None = None
        self.step = self._step()

    @staticmethod
    def token(request: HttpRequest) -> str:
        """The link's token: it is in no row, only in the address that was asked for."""
        assert request.resolver_match is not None  # noqa: S101  # these doors have one
        return str(request.resolver_match.kwargs["token"])

    @classmethod
    def path(cls, request: HttpRequest) -> str:
        """The address of the page, from any address below it."""
        return reverse("invitation-open", args=[cls.token(request)])

    @property
    def looking(self) -> bool:
        """Whether a worker looks for the role."""
        return self.proving is not None and self.proving.state == ProvingState.WAITING

    def _step(self) -> str:
        invitation = self.invitation
        if self.mine and invitation.state == InvitationState.ACCEPTED and invitation.accepted_by_id == self.person_pk:
            return "accepted"
        if invitation.state != InvitationState.PENDING or invitation.expires_at <= timezone.now():
            return "over"
        if self.person is None:
            known = User.objects.filter(email=invitation.email).first()
            return "join" if known is None else "sign-in" if known.is_active else "inactive"
        if not self.mine:
            return "another"
        if self.person.role == Role.AUDITOR:
            return "auditor"
        return self._proof()

    @property
    def person_pk(self) -> object:
        """The visitor's key; None for nobody."""
        return self.person.pk if self.person else None

    def _proof(self) -> str:
        assert self.person is not None  # noqa: S101  # asked before
        asked = account_in(self.request.GET)
        self.ways = proving.ways(self.invitation, person=self.person)
        if self.request.GET.get("other"):
            return "account"
        self.proving = proving.of_person(self.invitation, person=self.person, number=asked)
        number = self.proving.number if self.proving else asked
        fitting = [way for way in self.ways if number in ("", way.number)]
        proved = [way for way in fitting if way.proof == Proof.ROLE]
        if len(proved) == 1:
            self.way = proved[0]
            return "accept"
        if self.proving is None:
            return "account"
        self.way = next(iter(fitting), None)
        return "role"

    def context(self) -> dict[str, Any]:
        """Everything the template asks for."""
        invitation, shown = self.invitation, self.mine or self.step != "over"
        items = list(invitation.items.select_related("policy__function__account", "grant")) if shown else []
        context: dict[str, Any] = {
            "invitation": invitation,
            "inviter": invitation.created_by,
            "offered": [_offered(item) for item in items],
            "step": self.step,
            "number_of_step": {"join": 1, "sign-in": 1, "account": 2, "role": 2, "accept": 3}.get(self.step, 0),
            "path": self.path(self.request),
            "token": self.token(self.request),
            "proving": self.proving,
            "ways": self.ways,
            "way": self.way,
        }
        if self.step == "over":
            state = invitation.state if invitation.state != InvitationState.PENDING else InvitationState.EXPIRED
            context["over_icon"], context["over_words"] = OVER[InvitationState(state)]
        elif self.step == "join":
            context["join_form"] = JoinForm()
        elif self.step == "account":
            context["name_form"] = NameAccountForm(initial={"number": invitation.number})
        elif self.step == "role" and self.proving is not None:
            context |= self._role(self.proving)
        elif self.step == "accepted":
            context["results"] = proving.results(invitation, items)
            context["unsettled"] = any(result.unsettled for result in context["results"])
            context["spare"] = self._spare_role()
        return context

    def _spare_role(self) -> Recipes | None:
        """Theirs, where the account had a role for checking already: it was made for the proof alone. Members only know."""
        used, account = self.invitation.connection, self.invitation.account
        if used is None or account is None or self.person is None or self.invitation.awaits_confirmation:
            return None
        row = proving.of_person(self.invitation, person=self.person, number=account.number)
        if row is None or row.proved_at is None or row.role_arn == used.role_arn:
            return None
        return proving.recipes(row, self.invitation)

    def _role(self, row: Proving) -> dict[str, Any]:
        waited = (timezone.now() - row.wanted_at).total_seconds()
        worker = connecting.worker()
        return {
            "recipes": proving.recipes(row, self.invitation),
            "worker": worker.principal_arn if worker else "",
            "looking": self.looking,
            "mark": f"{row.state}-{row.seen}",
            "every": "1s" if waited < 90 else "5s",
            "role_form": RoleNameForm(initial={"role": row.role_arn}),
        }


def _offered(item: InvitationItem) -> Offered:
    policy = item.policy
    name = f"{policy.function.name}:{policy.qualifier}" if policy.qualifier else policy.function.name
    action = find(item.action)
    return Offered(item, name, action.verb if action else item.action, action.warning if action else "")
