"""What an invited person fills in."""

from django import forms


class JoinForm(forms.Form):
    """A login for the invited address."""

    name = forms.CharField(max_length=100, label="Your name", help_text="As people see it who share with you.")
    password = forms.CharField(
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(render_value=False),
        help_text="At least 10 characters, not only digits, not a common word.",
    )


class NameAccountForm(forms.Form):
    """Which account is theirs."""

    number = forms.CharField(
        max_length=40,
        label="Account id",
        help_text="The 12 digits at the top right of the AWS console, or from: aws sts get-caller-identity",
    )


class RoleNameForm(forms.Form):
    """Which role of it shows that."""

    role = forms.CharField(max_length=600, label="Role name or ARN")


class DeclineForm(forms.Form):
    """No, and why."""

    reason = forms.CharField(
        max_length=500,
        required=False,
        label="Why",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever invited you reads it.",
    )
