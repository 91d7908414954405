"""Who may see the metrics of Prometheus."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from service.api.app import create_app


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-Forwarded-For": "203.0.113.7"}, 401),
        ({"Forwarded": "for=203.0.113.7"}, 401),
        ({"X-Real-IP": "203.0.113.7"}, 401),
    ],
)
def test_what_a_proxy_on_this_machine_passes_on_is_not_from_this_machine(settings, centre, headers, status):
    browser = TestClient(create_app(settings, centre.database), client=("127.0.0.1", 40000))
    assert browser.get("/metrics", headers=headers).status_code == status
