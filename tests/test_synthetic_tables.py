"""Made-up tables: typed as the metric engine reads them, the same in memory and in files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from sentiment.errors import OutputError
from sentiment.synthetic.centre import Centre
from sentiment.synthetic.tables import make_records, write_records

CENTRE = Centre(n_days=4, n_customers=500)


@pytest.fixture(scope="module")
def records():
    return make_records(CENTRE)


def test_contacts_have_names_and_gaps_where_nothing_is_known(records):
    c = records.contacts
    assert c.schema.field("started_at").type == pa.timestamp("ms")
    assert c["contact_id"].to_pylist() == [str(i + 1) for i in range(len(c))]
    assert c["started_at"][0].as_py().date() == CENTRE.first_day
    answered = c["answered"].to_numpy()
    for name in ("answered_at", "talk_ms", "transfers", "transferred", "resolved"):
        np.testing.assert_array_equal(c[name].is_valid().to_numpy(), answered)
    np.testing.assert_array_equal(c["wait_ms"].is_null().to_numpy(), c["blocked"].to_numpy())
    assert set(c["direction"].to_pylist()) == {"inbound", "outbound"}
    assert set(c["channel"].to_pylist()) == {"voice", "chat"}


def test_an_agent_is_of_one_team_and_queue(records):
    seen = {
        (row["agent_id"], row["team"], row["queue"])
        for row in records.contacts.select(["agent_id", "team", "queue"]).to_pylist()
        if row["agent_id"]
    }
    listed = {(row["agent_id"], row["team"], row["queue"]) for row in records.agents.to_pylist()}
    assert seen <= listed
    time = {(row["agent_id"], row["team"]) for row in records.agent_time.to_pylist()}
    assert time <= {(a, team) for a, team, _ in listed}
    assert all(team.startswith(f"{queue}-") for _, team, queue in listed)
    small = make_records(replace(CENTRE, n_days=1, agents_per_team=3))
    sizes = pc.value_counts(small.agents["team"]).to_pylist()
    assert max(s["counts"] for s in sizes) == 3


def test_surveys_tell_what_is_true_of_those_who_answer(records):
    truth = {row["contact_id"]: row for row in records.truth.to_pylist()}
    rows = records.surveys.to_pylist()
    assert len(rows) == sum(row["asked"] for row in truth.values())
    scales = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}
    for row in rows:
        true = truth[row["call_id"]]
        assert (row["scale_min"], row["scale_max"]) == scales[row["instrument"]]
        assert row["value"] == (true[row["instrument"]] if true["answers"] else None)
        assert (row["answered_at"] is not None) == true["answers"]
        assert row["answered_at"] is None or row["answered_at"] >= row["invited_at"]


def test_files_are_the_tables(records, tmp_path):
    rows = write_records(CENTRE, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(f"{name}.parquet" for name in rows)
    for name, n in rows.items():
        table = parquet.read_table(tmp_path / "out" / f"{name}.parquet")
        ours = getattr(records, name)
        assert table.num_rows == n == ours.num_rows
        for column in ours.column_names:
            assert table[column].to_pylist() == ours[column].to_pylist()
    assert parquet.ParquetFile(tmp_path / "out" / "contacts.parquet").num_row_groups == 4


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_records(CENTRE, tmp_path / "file")


def test_the_metric_engine_reads_them_without_a_map(records):
    schemas = pytest.importorskip("sentiment.metrics.schemas")
    kinds = {"string": "string", "int64": "int64", "float64": "double", "boolean": "bool"}
    for name in ("contacts", "surveys", "agent_time", "customers"):
        table, schema = getattr(records, name), schemas.given_schema(name)
        table = table.drop_columns(["leniency"]) if name == "customers" else table
        assert set(table.column_names) <= {c.name for c in schema.columns}
        for column in schema.columns:
            if column.name in table.column_names:
                found = table.schema.field(column.name).type
                found = found.value_type if pa.types.is_dictionary(found) else found
                assert str(found).startswith(kinds.get(column.type, column.type)), column.name
