"""The Django application of the tests: the same handlers as the FastAPI one."""

from __future__ import annotations

import json
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from onced import Client, current_attempt
from onced.django import HttpOptions, IdempotencyMiddleware
from support.http import LARGE, Effects, location

state: dict[str, Any] = {}


class Idempotency(IdempotencyMiddleware):
    def caller_of(self, request: Any) -> str | None:
        tenant: str | None = request.headers.get("Tenant")
        return tenant


def charge(request: Any) -> Any:
    number = state["effects"].count(request.headers.get("Idempotency-Key", ""))
    content = json.dumps({"number": number, "request": request.body.decode()})
    response = HttpResponse(content, status=201, content_type="application/json", headers=location(number))
    response.set_cookie("session", "secret")
    return response


def slow(request: Any) -> Any:
    state["effects"].started.set()
    state["effects"].may_end.wait(30)
    assert current_attempt() is not None
    return HttpResponse(json.dumps({"number": state["effects"].count("slow")}), content_type="application/json")


def status(request: Any, status: int) -> Any:
    state["effects"].count(str(status))
    return HttpResponse(b"as asked", status=status, content_type="text/plain")


def large(request: Any) -> Any:
    state["effects"].count("large")
    return StreamingHttpResponse(iter([LARGE[:100], LARGE[100:]]))


def broken(request: Any) -> Any:
    raise RuntimeError("broken on purpose")


urlpatterns = [
    path("charges", charge),
    path("slow", slow),
    path("status/<int:status>", status),
    path("large", large),
    path("broken", broken),
]


def application(effects: Effects, client: Client, namespace: str, options: HttpOptions) -> WSGIHandler:
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["127.0.0.1"],
            ROOT_URLCONF=__name__,
            MIDDLEWARE=["django.middleware.common.CommonMiddleware", f"{__name__}.Idempotency"],
            LOGGING_CONFIG=None,
        )
        django.setup(set_prefix=False)
    state["effects"] = effects
    Idempotency.client, Idempotency.namespace, Idempotency.options = client, namespace, options
    return WSGIHandler()
