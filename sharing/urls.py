"""Every address of the dashboard. Names are noun-verb; objects go by UUID."""

from django.urls import include, path

from sharing.views import overview

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("", include("allauth.account.urls")),
]
