"""The Django project: configuration, settings, logs, and the server that `manage.py serve` runs."""

VERSION = "0.1.0"
