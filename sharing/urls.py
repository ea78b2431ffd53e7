"""Every address of the dashboard. Names are noun-verb; objects go by UUID."""

from allauth.account import views as signing
from django.urls import path, re_path

from sharing.views import functions, overview, search

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("search/", search.search, name="search"),
    path("functions/", functions.function_list, name="function-list"),
    # Signing in. Of allauth only what is named here: there is no sign-up and no change of address by oneself.
    path("login/", signing.login, name="account_login"),
    path("logout/", signing.logout, name="account_logout"),
    path("inactive/", signing.account_inactive, name="account_inactive"),
    path("password/reset/", signing.password_reset, name="account_reset_password"),
    path("password/reset/done/", signing.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        signing.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("password/reset/key/done/", signing.password_reset_from_key_done, name="account_reset_password_from_key_done"),
]

handler403 = "sharing.views.errors.forbidden"
handler404 = "sharing.views.errors.not_found"
handler500 = "sharing.views.errors.server_error"
