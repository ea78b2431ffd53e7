"""403, 404 and 500 in the product's look."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's protection did not match: an old tab, or cookies switched off."""
    return render(request, "errors/csrf.html", {"reason": reason}, status=403)
