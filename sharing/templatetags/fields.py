"""Form fields, tied together for screen readers; `ui` makes them template tags."""

from collections.abc import Iterable
from typing import Any

from django.forms import BaseForm, BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

_CLASSES: tuple[tuple[type, str], ...] = (
    (CheckboxSelectMultiple, ""),
    (RadioSelect, ""),
    (CheckboxInput, "form-check-input"),
    (Select, "form-select"),
)


def field(bound: BoundField, classes: str = "", **attributes: Any) -> SafeString:
    """A form field: label, control, help and errors, tied together for screen readers (Django writes the aria attributes).

    Keyword arguments become attributes of the control; `_` becomes `-`.
    """
    widget = bound.field.widget
    control = next((names for kind, names in _CLASSES if isinstance(widget, kind)), "form-control")
    if bound.errors:
        control += " is-invalid"
    attrs = {key.replace("_", "-"): value for key, value in attributes.items()}
    attrs["class"] = f"{control} {widget.attrs.get('class', '')} {classes}".strip()
    attrs.setdefault("placeholder", widget.attrs.get("placeholder", "") if "data-placeholder" in widget.attrs else "")
    if not attrs["placeholder"]:
        del attrs["placeholder"]
        widget.attrs.pop("placeholder", None)  # a placeholder that repeats the label helps nobody
    hint = (
        format_html('<div class="form-hint" id="{}_helptext">{}</div>', bound.auto_id, bound.help_text)
        if bound.help_text
        else ""
    )
    errors = (
        format_html('<div class="invalid-feedback" id="{}_error">{}</div>', bound.auto_id, _lines(bound.errors))
        if bound.errors
        else ""
    )
    if isinstance(widget, CheckboxInput):
        return format_html(
            '<div class="field"><label class="form-check">{}<span class="form-check-label">{}</span></label>{}{}</div>',
            bound.as_widget(attrs=attrs),
            bound.label,
            hint,
            errors,
        )
    if isinstance(widget, (CheckboxSelectMultiple, RadioSelect)):
        widget.attrs["class"] = "form-check-input"
        choices = format_html_join(
            "",
            '<label class="form-check">{}<span class="form-check-label">{}</span></label>',
            ((choice.tag(wrap_label=False), choice.choice_label) for choice in bound.subwidgets),
        )
        return format_html(
            '<fieldset class="field choices" id="{}"{}><legend class="form-label">{}</legend>{}{}{}</fieldset>',
            bound.auto_id,
            format_html(' aria-describedby="{}_error"', bound.auto_id) if bound.errors else "",
            bound.label,
            choices,
            hint,
            errors,
        )
    optional = "" if bound.field.required else mark_safe(' <span class="form-label-description">optional</span>')
    return format_html(
        '<div class="field"><label class="form-label" for="{}">{}{}</label>{}{}{}</div>',
        bound.id_for_label,
        bound.label,
        optional,
        bound.as_widget(attrs=attrs),
        hint,
        errors,
    )


def _lines(errors: Iterable[object]) -> SafeString:
    return format_html_join("", "<div>{}</div>", ((error,) for error in errors))


def fields(form: BaseForm) -> SafeString:
    """Every field of a form, hidden ones as they are."""
    shown = format_html_join("", "{}", ((field(bound),) for bound in form.visible_fields()))
    hidden = format_html_join("", "{}", ((bound.as_widget(),) for bound in form.hidden_fields()))
    return format_html("{}{}", hidden, shown)


def form_errors(form: BaseForm, title: str = "Nothing was changed") -> dict[str, Any]:
    """What is wrong with the form, at its top, each line a link to its field; takes the focus after a swap."""
    wrong = [bound for bound in form if bound.errors]
    return {"form": form, "wrong": wrong, "title": title}
