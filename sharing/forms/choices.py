"""Choosing from many: thousands of options as text, where Django renders a template for each."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe


def options(choices: Iterable[tuple[object, object]], chosen: str = "") -> SafeString:
    """Options of a select: values and words; the one that is chosen is marked. Values and words are text, never markup."""
    found = []
    for value, words in choices:
        one = str(value)
        found.append(f'<option value="{escape(one)}"{" selected" if one == chosen else ""}>{escape(str(words))}</option>')
    return mark_safe("".join(found))  # noqa: S308  # escaped just here


class LongSelect(forms.Select):
    """A select without groups; the control is as Django writes it."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The select with its options."""
        chosen = self.format_value(value)
        inner = options(self.choices, str(chosen[0]) if chosen else "")
        return format_html('<select name="{}"{}>{}</select>', name, flatatt(self.build_attrs(self.attrs, attrs)), inner)
