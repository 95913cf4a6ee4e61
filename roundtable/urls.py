"""The pages that Django serves.

`/signal`, `/healthz` and `/readyz` are answered in `signalling/routing.py`, before Django's request cycle.
"""

from django.urls import path

from signalling import views
from signalling.operators.status.registry import site

urlpatterns = [
    path("", views.landing, name="landing"),
    path("call/", views.call_page, name="call"),
    path("status/", site.urls),
    path("asyncapi.yaml", views.contract, {"document": "asyncapi.yaml"}, name="asyncapi"),
    path("openapi.yaml", views.contract, {"document": "openapi.yaml"}, name="openapi"),
]
