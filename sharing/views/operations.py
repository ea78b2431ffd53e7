"""What machines ask: is it alive, is it ready, how is it. No sign-in, no session, by whatever host name they come."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from sharing.services.operating.numbers import CONTENT_TYPE, numbers
from sharing.services.operating.readiness import readiness


def healthz(_request: HttpRequest) -> HttpResponse:
    """This process answers. It asks nobody: restarting it mends nothing that lies elsewhere."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def readyz(_request: HttpRequest) -> HttpResponse:
    """Each part by name; 503 while one does not work."""
    found = readiness()
    return JsonResponse(found.as_data(), status=200 if found.ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Numbers for whoever has METRICS_TOKEN; without that variable there is no such page."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("not found\n", status=404, content_type="text/plain; charset=utf-8")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    if scheme.lower() != "bearer" or not known:
        return HttpResponse(
            "unauthorised\n", status=401, content_type="text/plain; charset=utf-8", headers={"WWW-Authenticate": "Bearer"}
        )
    return HttpResponse(numbers(), content_type=CONTENT_TYPE)


PROBES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


def answer(request: HttpRequest) -> HttpResponse | None:
    """The answer to a probe; None for every other address."""
    probe = PROBES.get(request.path_info)
    if probe is None:
        return None
    response = probe(request) if request.method in ("GET", "HEAD") else HttpResponseNotAllowed(["GET", "HEAD"])
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
