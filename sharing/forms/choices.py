"""Choosing from many: thousands of options as text, where Django renders a template for each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

_CHOSEN = {True: mark_safe(" selected"), False: ""}


def options(choices: Iterable[tuple[object, object]], chosen: str = "") -> SafeString:
    """Options of a select: values and words; the one that is chosen is marked."""
    rows = ((str(value), words) for value, words in choices)
    return format_html_join(
        "", '<option value="{}"{}>{}</option>', ((one, _CHOSEN[one == chosen], words) for one, words in rows)
    )


class LongSelect(forms.Select):
    """A select without groups; the control is as Django writes it."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The select with its options."""
        chosen = self.format_value(value)
        inner = options(self.choices, str(chosen[0]) if chosen else "")
        return format_html('<select name="{}"{}>{}</select>', name, flatatt(self.build_attrs(self.attrs, attrs)), inner)
