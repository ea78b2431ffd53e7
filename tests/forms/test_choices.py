"""Long selects are what Django writes, quicker."""

from html.parser import HTMLParser

import pytest
from django import forms
from django.test import SimpleTestCase

from sharing.forms.choices import LongSelect, options

HOSTILE = [("", "Every account"), ("1", "<script>alert(1)</script>"), ('"><b>', "Tom & 'Jerry' \"x\""), (3, "three")]


@pytest.mark.parametrize("chosen", [None, "", "1", '"><b>', 3, "no such"])
def test_a_long_select_is_what_django_writes(chosen: object) -> None:
    attrs = {"class": "form-select", "id": "id_account", "required": True, "disabled": False, "data-x": '"<'}
    made = LongSelect(choices=HOSTILE).render("account", chosen, attrs)
    SimpleTestCase().assertHTMLEqual(made, forms.Select(choices=HOSTILE).render("account", chosen, attrs))


def test_options_hold_text_and_never_markup() -> None:
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: seen.append(tag)  # type: ignore[method-assign]
    parser.feed(options(HOSTILE, "1"))
    assert seen == ["option"] * len(HOSTILE)
