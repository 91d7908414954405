"""Settings: documented from their table, told by name when wrong, and their secrets told nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiment.errors import InputError
from service import settings

DOCS = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_the_page_is_written_from_the_table():
    assert DOCS.read_text("utf-8") == settings.page(), "write service.settings.page() to docs/settings.md"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"port": 70_000}, "SENTIMENT_PORT"),
        ({"log_format": "xml"}, "SENTIMENT_LOG_FORMAT"),
        ({"max_upload_mb": 0}, "SENTIMENT_MAX_UPLOAD_MB"),
        ({"web_processes": 2}, "PostgreSQL"),
        ({"oidc_issuer": "https://id.example.com"}, "oidc_client_id"),
    ],
)
def test_a_setting_that_cannot_be_is_named(given, named):
    with pytest.raises(InputError, match=named):
        settings.read_settings(_env_file=None, **given)


def test_what_is_wrong_with_a_secret_does_not_tell_it():
    with pytest.raises(InputError) as error:
        settings.read_settings(_env_file=None, metrics_token={"a": "hunter2"})
    assert "hunter2" not in str(error.value)


def test_the_setup_page_tells_no_secret(client, centre):
    told = client("admin").get("/api/v1/setup")
    assert told.status_code == 200
    assert centre.database.engine.url.render_as_string(hide_password=False) not in told.text
    names = {line["name"] for line in told.json()["settings"]}
    assert len(names) == len(settings.Settings.model_fields)
    assert any(line["in_force"] and "voice" in line["duty"] for line in told.json()["law"])
    assert client("qa_manager").get("/api/v1/setup").status_code == 403
