"""What benchmarks.pages compares with: a view that sends what a page sent, and the lists of Django's own admin.

As a WSGI module (`gunicorn benchmarks.compared`) it serves them beside the product's addresses.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

#: Where `keep` puts the bytes that `/plain/<name>` sends.
FOLDER = "BENCHMARK_PAGES"


def keep(name: str, content: bytes) -> None:
    """Remember what a page sent."""
    Path(os.environ[FOLDER], name).write_bytes(content)


def _stored(_request: HttpRequest, name: str) -> HttpResponse:
    from django.http import HttpResponse

    return HttpResponse(Path(os.environ[FOLDER], name).read_bytes())


def _list(request: HttpRequest) -> HttpResponse:
    """As any Django list is made: functions counted, one page of them with their accounts, in the product's frame."""
    from django.http import HttpResponse
    from django.template import engines

    from sharing.models import Function
    from sharing.views.paging import page_of

    rows = Function.objects.present().select_related("account").order_by("name", "region", "id")
    return HttpResponse(engines["django"].from_string(_PAGE).render({"page": page_of(rows, request)}, request))


_PAGE = """{% extends "base.html" %}{% load ui %}{% block content %}<table class="table"><tbody>{% for one in page %}
<tr><th scope="row">{% function_link one %}</th><td>{{ one.account.name }}</td><td>{{ one.region }}</td></tr>
{% endfor %}</tbody></table>{% include "components/pagination.html" %}{% endblock %}"""


def serve() -> None:
    """Add the plain views and the admin's lists to the product's addresses."""
    from django.contrib.admin import AdminSite, ModelAdmin
    from django.urls import path

    from sharing import models, urls

    class Open(AdminSite):
        """Everybody signed in may look."""

        def has_permission(self, request: Any) -> bool:
            return bool(request.user.is_authenticated)

    class Plain(ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
        """As one writes it: some columns, what they are joined to, a search."""

        list_per_page = 50
        list_select_related = True
        actions = None

        def has_view_permission(self, request: Any, obj: Any = None) -> bool:
            return True

    def shown(*columns: str, search: tuple[str, ...] = ()) -> type[Plain]:
        return type("Shown", (Plain,), {"list_display": columns, "search_fields": search})

    site = Open(name="admin")
    site.register(models.Function, shown("name", "account", "region", "runtime", search=("name", "arn", "description")))
    site.register(models.Account, shown("name", "number", search=("name", "number")))
    site.register(models.Exposure, shown("principal", "kind", "policy", "public", "external"))
    site.register(models.Finding, shown("text", "severity", "account", "function", "opened_at"))
    site.register(models.Event, shown("at", "text", "actor", "account", "function"))
    site.register(models.Mapping, shown("source_arn", "function", "state"))
    site.register(models.Tally, shown("principal", "account", "functions", "not_safe"))
    site.register(models.PolicyVersion, shown("policy", "size", "first_seen_at"))
    site.register(models.Sync, shown("account", "region", "state", "finished_at"))
    urls.urlpatterns += [path("plain/<str:name>", _stored), path("plain-list/", _list), path("admin/", site.urls)]


@cache
def _made() -> Any:
    from sharing.wsgi import application as found

    serve()
    return found


def application(environ: Any, start_response: Any) -> Any:
    """gunicorn's entry; made at the first request."""
    return _made()(environ, start_response)
