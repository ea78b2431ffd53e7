"""Whatever comes in a form's fields: it is judged, never broken by; what is wrong is said in words, and no NUL gets through."""

import inspect
from typing import Any

import pytest
from django import forms
from django.utils.datastructures import MultiValueDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharing.models import AccessRequest, Account, OrganizationUnit
from tests import factories
from tests.views.walked import HOSTILE, form_classes

pytestmark = pytest.mark.django_db

#: What forms are given by the views that show them.
GIVEN: dict[str, Any] = {
    "places": [("", "The function itself"), ("live", "Alias live")],
    "qualifiers": [("live", "Alias live")],
    "rules": [("public", "Public")],
    "doors": [("1", "The invoker")],
    "people": (),
    "kind": None,
}
#: Almost what fields want: what is behind the first look of each is reached with these.
NEARLY = (
    "111122223333",
    "1111 2222 3333",
    "١١١١٢٢٢٢٣٣٣٣",
    "arn:aws:iam::111122223333:role/name",
    "arn:aws:iam::111122223333:role/" + "x" * 600,
    "arn:aws:lambda:us-east-1:444455556666:function:f:live",
    "arn:aws:sqs:us-east-1:111122223333:orders",
    "arn:::::",
    "o-k3s8w1q9zt",
    "*",
    "s3.amazonaws.com",
    "dev@acme.example",
    "dev@" + "x" * 300 + ".example",
    "2026-12-24",
    "9999-12-31",
    "0001-01-01",
    "2026-12-24T18:30",
    "9999-12-31T23:59:59.999999+14:00",
    "date",
    "never",
    "30d",
    "{}",
    '{"a": [1e400, NaN]}',
    '{"a": "\\ud800"}',
    "[[[[{}]]]]",
    "lambda:InvokeFunction",
    "on",
    "0" * 32,
    "User: arn:aws:sts::111122223333:assumed-role/x/y is not authorized to perform: lambda:InvokeFunction",
)
#: Everything there is, halves of surrogates too.
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=40)


def made(form: type[forms.Form], data: MultiValueDict[str, str]) -> forms.Form:
    """The form as its view makes it."""
    wanted = {
        name for one in form.__mro__ if "__init__" in vars(one) for name in inspect.signature(vars(one)["__init__"]).parameters
    }
    given = {name: value for name, value in GIVEN.items() if name in wanted}
    if "accounts" in wanted:
        given["accounts"] = Account.objects.all()
    if "units" in wanted:
        if not OrganizationUnit.objects.exists():
            factories.unit(factories.organization(), "ou-ab12-11111111")
        given["units"] = OrganizationUnit.objects.all()
    if "wish" in wanted:
        given |= {"wish": AccessRequest(ends_at=None), "asked": "for ever"}
    return form(data, **given)


def posts(form: type[forms.Form]) -> st.SearchStrategy[MultiValueDict[str, str]]:
    """Posts of this form: each field absent, once or twice, hostile, nearly right or one of what it offers."""
    fields = {}
    for name, field in made(form, MultiValueDict()).fields.items():
        choices = [str(value) for value, _ in getattr(field, "choices", ()) if not isinstance(value, list | tuple)]
        value = st.one_of(st.sampled_from(choices or NEARLY), st.sampled_from(NEARLY), st.sampled_from(HOSTILE), ANYTHING)
        fields[name] = st.lists(value, max_size=2)
    return st.fixed_dictionaries(fields).map(MultiValueDict)


@pytest.mark.parametrize("form", form_classes(), ids=lambda form: f"{form.__module__.rpartition('.')[2]}.{form.__name__}")
def test_no_form_breaks(form: type[forms.Form]) -> None:
    @settings(max_examples=15, database=None, suppress_health_check=list(HealthCheck))
    @given(posts(form))
    def tried(data: MultiValueDict[str, str]) -> None:
        filled = made(form, data)
        valid = filled.is_valid()
        said = [message for messages in filled.errors.values() for message in messages]
        assert valid != bool(said)
        assert all(isinstance(message, str) and message.strip() for message in said)
        assert str(filled.errors) or valid
        for name, value in filled.cleaned_data.items():
            for text in value if isinstance(value, list | tuple) else [value]:
                assert not (isinstance(text, str) and "\x00" in text), name

    tried()


def test_every_form_is_tried() -> None:
    assert len(form_classes()) >= 40
