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
    assert not machine_paths(cells)


def machine_paths(cells):
    """Absolute paths of a machine in what is written and in all that was printed but pictures."""
    shown = [
        text
        for cell in cells
        for output in cell.get("outputs", [])
        for kind, text in {"text": output.get("text", ""), **output.get("data", {})}.items()
        if not kind.startswith("image/")
    ]
    written = json.dumps([*shown, *(cell["source"] for cell in cells)])
    return re.findall(r"(?<![\w.])(?:/home/|/root/|/tmp/|/work/|/usr/|/opt/|/Users/|[A-Z]:\\{2})\S*", written)


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "stream", "name": "stdout", "text": ["read /home/me/call.wav\n"]},
        {"output_type": "execute_result", "data": {"text/plain": ["PosixPath('/work/x/call.wav')"]}},
        {"output_type": "display_data", "data": {"text/html": "<td>C:\\Users\\me</td>"}},
    ],
)
def test_a_path_of_a_machine_is_seen_wherever_it_is_printed(output):
    assert machine_paths([{"source": "", "outputs": [output]}])
    picture = {"output_type": "display_data", "data": {"image/png": "aa/tmp/bb /tmp/bb"}}
    assert not machine_paths([{"source": "out/work/call.json", "outputs": [picture]}])
