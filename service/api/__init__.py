"""The HTTP API, ``/api/v1``: one file per thing it is about, and what they share."""
