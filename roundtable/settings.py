"""Django's settings: the few that are Django's own business; everything else is `ROUNDTABLE`, from `config.yaml`.

A process that cannot use its configuration ends here, with status 2 and one line for each mistake.
"""

import os
from pathlib import Path

from django.utils.functional import SimpleLazyObject

from roundtable import logs
from roundtable.commandline import DEBUG_VARIABLE, is_debug_wanted
from roundtable.config import VARIABLE, load_or_exit
from roundtable.hosts import allowed_hosts
from roundtable.secretkey import secret_key

BASE_DIR = Path(__file__).resolve().parent.parent

_named = os.environ.get(VARIABLE)
_loaded = load_or_exit(Path(_named) if _named else None)
ROUNDTABLE = _loaded.configuration

DEBUG = is_debug_wanted(os.environ.get(DEBUG_VARIABLE, ""))
ALLOWED_HOSTS = allowed_hosts(ROUNDTABLE)
SECRET_KEY = SimpleLazyObject(lambda: secret_key(ROUNDTABLE.secretkeyfile))

INSTALLED_APPS = [
    "signalling",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "signalling.middleware.content_security_policy",
    "signalling.middleware.secure_cookies",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "signalling.operators.status.accounts.DatabaseGuard",
]

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
            ],
        },
    },
]

ROOT_URLCONF = "roundtable.urls"
ASGI_APPLICATION = "roundtable.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "signalling.layers.DirectChannelLayer"}}

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ROUNDTABLE.database,
        "OPTIONS": {
            "timeout": 5,
            "transaction_mode": "IMMEDIATE",  # a write that finds another one waits, instead of failing half-way
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Static files come straight from the applications' directories: nothing to collect, with DEBUG on or off.
STATIC_URL = "/static/"
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ROUNDTABLE.is_behind_tls
# Behind TLS no neighbour of our name (another.example.org) can set them (RFC 6265bis, section 4.1.3.2).
_cookie_prefix = "__Host-" if ROUNDTABLE.is_behind_tls else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_cookie_prefix}sessionid", f"{_cookie_prefix}csrftoken"
CSRF_TRUSTED_ORIGINS = [ROUNDTABLE.publicaddress] if ROUNDTABLE.publicaddress else []
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
LOGIN_REDIRECT_URL = "admin:index"  # for who asked for a page of another site; Django's own default is no page here
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = ROUNDTABLE.limits.message_bytes
SILENCED_SYSTEM_CHECKS = [
    "security.W004",  # Strict-Transport-Security and
    "security.W008",  # the redirection to https are for the proxy that ends TLS: this server never does
    "security.W012",  # What is not secure about the cookie of a session and
    "security.W016",  # of the token of a form without TLS: roundtable.W022 says it in words of the configuration
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

LOGGING_CONFIG = "roundtable.logs.configure"
LOGGING = logs.Settings(
    level=ROUNDTABLE.loglevel, file=ROUNDTABLE.logfile, notices=_loaded.notices, warnings=_loaded.warnings
)
