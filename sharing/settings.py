"""Settings, all from the environment (sharing/environment.py says how each is read). There is no debug mode."""

import logging
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from sharing import environment, provider

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = environment.secret_key()
DEBUG = False
PUBLIC_URL = environment.public_url()
ALLOWED_HOSTS = [*environment.hosts(), str(urlsplit(PUBLIC_URL).hostname)]
DATABASES = {"default": environment.database()}
REDIS_URL = environment.broker()
AWS_ENDPOINT_URL = environment.endpoint()
AWS_PACE_SHARE = environment.pace_share()
AWS_PACE_PROCESSES = environment.pace_processes()
SYNCS_AT_ONCE = environment.syncs_at_once()
QUIET_HOURS = environment.quiet_hours()
# A killed worker's work is taken up after its lease; a lost message is found by the next sweep.
SWEEP_SECONDS = environment.sweep_seconds()
LEASE_SECONDS = environment.lease_seconds()
OWNER_TAG = environment.owner_tag()
METRICS_TOKEN = environment.metrics_token()
KEEP = environment.keep()
HISTORY_KEY_FILE = environment.history_key_file()
HISTORY_SHIP_TO = environment.history_ship_to()
environment.aws_pair()
vars().update(environment.email())
EMAIL_TIMEOUT = 10
DEMO_OUTBOX = environment.demo_outbox(PUBLIC_URL)
DEMO_DELIVERIES = environment.demo_deliveries(PUBLIC_URL)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = environment.sender(PUBLIC_URL)

HTTPS = PUBLIC_URL.startswith("https:")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_structlog",
    "template_partials",
    "sharing.apps.SharingConfig",
]

MIDDLEWARE = [
    # Outermost, so that what the ones below answer by themselves (a redirect to https, a host that is not ours, a static file,
    # a page without a database) has their headers too.
    "csp.middleware.CSPMiddleware",
    "sharing.middleware.HeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "sharing.middleware.ProbesMiddleware",
    "sharing.middleware.QueryMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Before anybody asks who is signed in: the query for them also asks about their session (signing.adapters.PeopleBackend).
    "allauth.account.middleware.AccountMiddleware",
    "sharing.middleware.SingleSignOnMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "sharing.middleware.RequestIdMiddleware",
    "sharing.middleware.PersonalSettingsMiddleware",
    "sharing.middleware.ConsumersMiddleware",
    "sharing.middleware.SecondFactorMiddleware",
    "sharing.middleware.LimitsMiddleware",
    "sharing.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "sharing.urls"
WSGI_APPLICATION = "sharing.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "sharing.User"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "sharing.views.frame.frame",
            ],
        },
    },
]

# People: allauth signs in, nobody signs up by themselves (sharing/views/signing/ closes it).
AUTHENTICATION_BACKENDS = ["sharing.views.signing.adapters.PeopleBackend"]
ACCOUNT_ADAPTER = "sharing.views.signing.adapters.InvitedOnlyAdapter"
ACCOUNT_FORMS = {"reset_password": "sharing.views.passwords.ForgottenForm"}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[fnshare] "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# Behind proxies the caller's address is the one that the outermost of ours wrote; limits on guessing count by it.
ALLAUTH_TRUSTED_PROXY_COUNT = provider.trusted_proxies()
USERSESSIONS_TRACK_ACTIVITY = False  # it writes at every request; sharing/middleware.py notes a session every five minutes
# Second factors. Passkeys need https, or this machine: the browser enforces it, and so does the server.
MFA_ADAPTER = "sharing.views.signing.adapters.FactorsAdapter"
MFA_FORMS = {"authenticate": "sharing.views.signing.entrance.CodeForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "fnshare"
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # public_url() lets http be on this machine only
REQUIRE_SECOND_FACTOR = provider.second_factor()
# Single sign-on; None without.
OIDC = provider.read()
SOCIALACCOUNT_ADAPTER = "sharing.views.signing.adapters.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = OIDC.as_allauth() if OIDC else {}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Sessions and cache live in the database: with Redis dead people can still sign in and click (ARCHITECTURE, gotchas).
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SECURE = HTTPS
# The browser takes such a name from this host alone: no other host of the domain plants a session or a token here.
_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{_PREFIX}csrftoken"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 7
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "sharing.views.errors.csrf_failure"
# The cache counts failed sign-ins. It culls itself at MAX_ENTRIES; with few, a flood of addresses would push out the counts.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
    # Counts what a person asks of this process (sharing/views/limiting.py); nothing else belongs here.
    "memory": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 5_000}},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "img-src": [SELF, "data:"],
        "manifest-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}

CELERY_BROKER_URL = environment.as_celery_reads(REDIS_URL)
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "sharing.sweep", "schedule": SWEEP_SECONDS, "options": {"expires": SWEEP_SECONDS, "queue": "clicks"}}
}
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# A sweep every few seconds would be most of the log: that a task was queued, began and ended is for whoever looks for it.
DJANGO_STRUCTLOG_CELERY_DEFAULT_LOG_LEVEL = logging.DEBUG

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "sharing.logs.formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {name: {"level": "WARNING"} for name in ("botocore", "urllib3", "django.server")},
}
