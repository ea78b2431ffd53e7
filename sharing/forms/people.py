"""People and one's own profile."""

import zoneinfo
from typing import Any

from django import forms
from django.db.models import Case, When

from sharing.models import Account, Role, Theme, User

EVERY, CHOSEN = "every", "chosen"

ROLES = (
    (Role.OWNER, "Owner: shares functions and takes shares back, in the accounts of their scope"),
    (Role.AUDITOR, "Auditor: sees everything in their scope, changes nothing"),
    (Role.ADMIN, "Admin: all of it, and connects accounts and adds people"),
)
# Not offered to somebody new: without an accepted invitation a consumer acts for no account and sees nothing.
CONSUMER = (Role.CONSUMER, "Consumer: sees what is shared with the accounts they act for, and nothing else")


class PersonForm(forms.Form):
    """Name, role and scope of somebody."""

    name = forms.CharField(max_length=100, required=False, help_text="As others see it here.")
    role = forms.ChoiceField(choices=ROLES, widget=forms.RadioSelect, initial=Role.OWNER)
    scope = forms.ChoiceField(
        choices=((EVERY, "Every account, also those connected later"), (CHOSEN, "Only the accounts chosen below")),
        widget=forms.RadioSelect,
        initial=EVERY,
        help_text="An admin always sees every account, a consumer none by itself.",
    )
    accounts: "forms.ModelMultipleChoiceField[Account]" = forms.ModelMultipleChoiceField(
        queryset=Account.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Chosen accounts",
    )

    def __init__(self, *args: Any, person: User | None = None, fixed: bool = False, **kwargs: Any) -> None:
        if person is not None:
            kwargs["initial"] = {
                "name": person.name,
                "role": person.role,
                "scope": EVERY if person.every_account else CHOSEN,
                "accounts": [] if person.every_account else list(person.accounts.all()),
            }
        super().__init__(*args, **kwargs)
        if person is not None:
            role = self.fields["role"]
            assert isinstance(role, forms.ChoiceField)  # noqa: S101  # narrows the type of a field declared above
            role.choices = [*ROLES, CONSUMER]
        if fixed:  # role and scope come from groups at the provider
            for name in ("role", "scope", "accounts"):
                self.fields[name].disabled = True
        chosen = self.fields["accounts"]
        assert isinstance(chosen, forms.ModelMultipleChoiceField)  # noqa: S101  # narrows the type of a field declared above
        # Of thousands: what is chosen first, then whose functions are read; consumers' accounts are seldom anybody's scope.
        held = [] if person is None else list(person.accounts.order_by().values_list("pk", flat=True))
        first = Case(
            When(pk__in=held, then=0), When(pk__in=Account.objects.owners().order_by().values("pk"), then=1), default=2
        )
        chosen.queryset = Account.objects.order_by(first, "name", "number")

    @property
    def chosen_accounts(self) -> list[Account]:
        """The chosen accounts, if the scope is the chosen ones."""
        if self.cleaned_data["role"] == Role.CONSUMER:
            return []
        return [] if self.every_account else list(self.cleaned_data["accounts"])

    @property
    def every_account(self) -> bool:
        """Whether the scope is every account."""
        role = self.cleaned_data["role"]
        return bool(role == Role.ADMIN or (role != Role.CONSUMER and self.cleaned_data["scope"] == EVERY))


class AddPersonForm(PersonForm):
    """Somebody new."""

    email = forms.EmailField(
        label="E-mail address", max_length=254, help_text="They sign in with it and get a link to set their password."
    )
    field_order = ("email", "name", "role", "scope", "accounts")


def time_zones() -> list[tuple[str, str]]:
    """Every zone this machine knows, UTC first."""
    names = sorted(zoneinfo.available_timezones() - {"UTC", "localtime"})
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class ProfileForm(forms.Form):
    """One's own name, time zone and theme, and whether mail reminds them."""

    name = forms.CharField(max_length=100, required=False, help_text="As others see it here.")
    time_zone = forms.ChoiceField(choices=time_zones, help_text="All times are shown in it.")
    theme = forms.ChoiceField(choices=Theme.choices, widget=forms.RadioSelect, label="Look")
    reminders = forms.BooleanField(
        required=False,
        label="Remind me by mail",
        help_text="Of shares that end, and of steps of a wiring that wait for you. What alarms is mailed all the same.",
    )
