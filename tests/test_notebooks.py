"""What is kept of the notebooks: small, in order, without errors or paths of a machine. Run apart."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
LARGEST_BYTES = 200_000


def test_the_notebooks_are_numbered_from_one_on():
    assert [int(p.name.split("_")[0]) for p in NOTEBOOKS] == list(range(1, 7))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_what_is_kept_of_a_notebook_is_small_and_clean(path):
    text = path.read_text("utf-8")
    cells = json.loads(text)["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    assert len(text.encode()) < LARGEST_BYTES
    assert cells[0]["cell_type"] == "markdown"
    assert "".join(cells[0]["source"]).startswith(f"# {int(path.name[:2])}. ")
    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1)), "run it from a clean kernel"
    outputs = [o for c in code for o in c["outputs"]]
    assert outputs
    assert not [o for o in outputs if o["output_type"] == "error"]
    assert not [o for o in outputs if o.get("name") == "stderr"], "warnings are for who runs it"
    printed = json.dumps([o.get("text", "") for o in outputs])
    assert not re.search(r"(/home|/root|/tmp|/work|[A-Z]:\\\\)", printed)
