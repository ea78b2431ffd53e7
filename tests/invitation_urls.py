"""The product's addresses; while there is no acceptance page yet, with one that stands for it."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from sharing import urls


@login_not_required
def _stands_for_it(request: HttpRequest, token: str) -> HttpResponse:
    return HttpResponse()


urlpatterns = list(urls.urlpatterns)
if not any(one.name == "invitation-open" for one in urlpatterns):
    urlpatterns.append(path("invitation/<str:token>/", _stands_for_it, name="invitation-open"))
handler403, handler404 = urls.handler403, urls.handler404
handler429, handler500 = urls.handler429, urls.handler500
