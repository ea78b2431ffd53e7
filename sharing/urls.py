"""Every address of the dashboard. Names are noun-verb; objects go by UUID."""

from allauth.account import views as allauth
from django.urls import path, re_path

from sharing.views import (
    accounts,
    activity,
    connections,
    coverage,
    function_pages,
    functions,
    grants,
    overview,
    people,
    profile,
    restoring,
    search,
    sharing,
    signing,
    statements,
)

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("search/", search.search, name="search"),
    path("functions/", functions.function_list, name="function-list"),
    path("functions/<uuid:pk>/", function_pages.function_detail, name="function-detail"),
    path("functions/<uuid:pk>/opened/", function_pages.function_opened, name="function-opened"),
    path("functions/<uuid:pk>/re-read/", function_pages.function_reread, name="function-reread"),
    path("functions/<uuid:pk>/reading/", function_pages.function_reading, name="function-reading"),
    path("functions/<uuid:pk>/checks/", function_pages.function_checks, name="function-checks"),
    path("functions/<uuid:pk>/check/", function_pages.function_check, name="function-check"),
    path("functions/<uuid:pk>/history/", function_pages.function_history, name="function-history"),
    path("functions/<uuid:pk>/policy/", function_pages.function_policy, name="function-policy"),
    path("functions/<uuid:pk>/share/", sharing.function_share, name="function-share"),
    path("functions/<uuid:pk>/share/preview/", sharing.function_share_preview, name="function-share-preview"),
    path("functions/<uuid:pk>/restore/", restoring.function_restore, name="function-restore"),
    path("policies/<uuid:pk>/<int:version>/<int:index>/revoke/", statements.statement_revoke, name="statement-revoke"),
    path("grants/<uuid:pk>/", grants.grant_detail, name="grant-detail"),
    path("grants/<uuid:pk>/row/", grants.grant_row, name="grant-row"),
    path("grants/<uuid:pk>/revoke/", grants.grant_revoke, name="grant-revoke"),
    path("grants/<uuid:pk>/undo/", grants.grant_undo, name="grant-undo"),
    path("grants/<uuid:pk>/extend/", grants.grant_extend, name="grant-extend"),
    path("grants/<uuid:pk>/check/", grants.grant_check, name="grant-check"),
    path("grants/<uuid:pk>/approve/", grants.grant_approve, name="grant-approve"),
    path("activity/", activity.activity, name="activity"),
    # Settings
    path("settings/", accounts.settings, name="settings"),
    path("settings/accounts/", accounts.account_list, name="account-list"),
    path("settings/accounts/connect/", accounts.account_connect, name="account-connect"),
    path("settings/accounts/<uuid:pk>/", accounts.account_detail, name="account-detail"),
    path("settings/connections/<uuid:pk>/", connections.connection_detail, name="connection-detail"),
    path("settings/connections/<uuid:pk>/status/", connections.connection_status, name="connection-status"),
    path("settings/connections/<uuid:pk>/template/", connections.connection_template, name="connection-template"),
    path("settings/connections/<uuid:pk>/commands/", connections.connection_commands, name="connection-commands"),
    path("settings/connections/<uuid:pk>/edit/", connections.connection_edit, name="connection-edit"),
    path("settings/connections/<uuid:pk>/test/", connections.connection_test, name="connection-test"),
    path("settings/connections/<uuid:pk>/pause/", connections.connection_pause, name="connection-pause"),
    path("settings/connections/<uuid:pk>/resume/", connections.connection_resume, name="connection-resume"),
    path("settings/connections/<uuid:pk>/rotate/", connections.connection_rotate, name="connection-rotate"),
    path("settings/connections/<uuid:pk>/disconnect/", connections.connection_disconnect, name="connection-disconnect"),
    path("settings/coverage/", coverage.coverage, name="coverage"),
    path("settings/coverage/sync/", coverage.sync_start, name="sync-start"),
    path("settings/people/", people.person_list, name="person-list"),
    path("settings/people/add/", people.person_add, name="person-add"),
    path("settings/people/<uuid:pk>/", people.person_detail, name="person-detail"),
    path("settings/people/<uuid:pk>/link/", people.person_link, name="person-link"),
    path("settings/people/<uuid:pk>/deactivate/", people.person_deactivate, name="person-deactivate"),
    path("settings/people/<uuid:pk>/reactivate/", people.person_reactivate, name="person-reactivate"),
    path("settings/profile/", profile.profile, name="profile"),
    path("settings/profile/sessions/<int:pk>/end/", profile.session_end, name="session-end"),
    path("settings/profile/sessions/end-others/", profile.session_end_others, name="session-end-others"),
    # Signing in. Of allauth only what is named here: there is no sign-up and no change of address by oneself.
    path("login/", allauth.login, name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("sign-up/", signing.no_sign_up, name="account_signup"),
    path("password/change/", allauth.password_change, name="account_change_password"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("password/reset/", allauth.password_reset, name="account_reset_password"),
    path("password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("password/reset/key/done/", allauth.password_reset_from_key_done, name="account_reset_password_from_key_done"),
]

handler403 = "sharing.views.errors.forbidden"
handler404 = "sharing.views.errors.not_found"
handler429 = "sharing.views.signing.too_many"
handler500 = "sharing.views.errors.server_error"
