"""The accounts that a list is narrowed to: by a name, a part of one, or digits; never chosen from thousands."""

from __future__ import annotations

from typing import Any

from django import forms

from sharing.models.account import AccountQuerySet


class AccountText(forms.Form):
    """What one writes; who reads the list knows which accounts that may be."""

    account = forms.CharField(max_length=80, required=False, label="Account")

    def nobody(self) -> forms.ValidationError:
        """No account is called so."""
        text = str(self.cleaned_data.get("account", "")).strip()
        return forms.ValidationError(f"No account in your scope has “{text}” in its name or digits.")


class AccountFilter(AccountText):
    """Among `accounts`. What is cleaned: those that are meant, None for every one."""

    def __init__(self, *args: Any, accounts: AccountQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._accounts = accounts

    def clean_account(self) -> AccountQuerySet | None:
        """The accounts of exactly this name, or all that it is a part of."""
        # Half of a surrogate pair is in no name, and no database takes it.
        text = self.cleaned_data["account"].encode("utf-8", "replace").decode().strip()
        if not text:
            return None
        exactly = self._accounts.filter(name__iexact=text)
        found = exactly if exactly.exists() else self._accounts.called(text)
        if not found.exists():
            raise self.nobody()
        return found
