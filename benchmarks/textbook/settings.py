"""Django's settings for it."""

SECRET_KEY = "a key of a benchmark, which protects nothing"  # noqa: S105
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["channels"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
