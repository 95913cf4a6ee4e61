"""The pages that Django serves.

`/signal`, `/healthz` and `/readyz` are answered in `signalling/routing.py`, before Django's request cycle. Django's
admin is installed for its static files and not mounted.
"""

from django.urls import path

from signalling import views

urlpatterns = [
    path("", views.landing, name="landing"),
    path("call/", views.call_page, name="call"),
    path("asyncapi.yaml", views.contract, {"document": "asyncapi.yaml"}, name="asyncapi"),
    path("openapi.yaml", views.contract, {"document": "openapi.yaml"}, name="openapi"),
]
