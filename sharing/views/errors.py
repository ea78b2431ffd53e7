"""403, 404, 409 and 500 in the product's look, and what a service refused as a page.

The page of a 500 has no request and no context: it may be the database that failed.
"""

import structlog
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import render
from django.template import loader

from sharing.services.errors import Refusal

STATUS = {"not-permitted": 403, "not-found": 404}


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The person may not do this."""
    return render(request, "errors/403.html", {"why": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such thing, or not in the person's scope: the same page for both."""
    return render(request, "errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Something broke here."""
    asked = structlog.contextvars.get_contextvars().get("request_id", "")
    return HttpResponseServerError(loader.get_template("errors/500.html").render({"asked": asked}))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's protection did not match: an old tab, or cookies switched off."""
    return render(request, "errors/csrf.html", {"reason": reason}, status=403)


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """What a service refused and no form could show: a sentence and the next step."""
    status = STATUS.get(refusal.code, 409)
    if status == 404:
        return render(request, "errors/404.html", {"refusal": refusal}, status=404)
    if status == 403:
        return render(request, "errors/403.html", {"why": refusal.message, "next": refusal.next}, status=403)
    return render(request, "errors/refused.html", {"refusal": refusal}, status=status)


def blame(form: Form, refusal: Refusal) -> None:
    """Put what a service refused on the form: on the field it is about, or on all of it."""
    form.add_error(refusal.field if refusal.field in form.fields else None, f"{refusal.message} {refusal.next}".strip())
