"""Where things stand in a TOML file."""

import tomllib
from importlib.resources import files

import pytest

from sentiment.rules.lines import Lines

TEXT = '''# rules
leave_out = [
    "a",  # [[rule]] in a comment
    "b",
]

[phrases.mine]
"some kind" = ["one", 'two']
plain.dotted = 1

[[rule]]
name = "first"
explanation = """
[[rule]]
name = "not a key"
"""

[[rule.all]]
filter = "phrase"
range = { first_s = 60 }

[[rule.all]]
filter = "shift"

[[ rule ]]  # the second
name = "second"

[[rule.all]]
filter = "mood"
'''


@pytest.mark.parametrize(
    ("path", "row"),
    [
        (("leave_out",), "leave_out = ["),
        (("leave_out", 1), "leave_out = ["),
        (("phrases", "mine"), "[phrases.mine]"),
        (("phrases", "mine", "some kind"), '"some kind"'),
        (("phrases", "mine", "plain", "dotted"), "plain.dotted"),
        (("rule", 0), "[[rule]]"),
        (("rule", 0, "name"), 'name = "first"'),
        (("rule", 0, "explanation"), "explanation"),
        (("rule", 0, "all", 0, "filter"), 'filter = "phrase"'),
        (("rule", 0, "all", 0, "range", "first_s"), "range"),
        (("rule", 0, "all", 1, "filter"), 'filter = "shift"'),
        (("rule", 0, "all", 1, "not there"), "[[rule.all]]"),
        (("rule", 1), "[[ rule ]]"),
        (("rule", 1, "name"), 'name = "second"'),
        (("rule", 1, "all", 0, "filter"), 'filter = "mood"'),
        (("nothing", "of", "it"), "# rules"),
    ],
)
def test_a_path_has_the_line_it_stands_on_or_that_of_what_holds_it(path, row):
    tomllib.loads(TEXT)
    assert TEXT.split("\n")[Lines.of(TEXT).line(path) - 1].startswith(row)


def test_a_value_in_a_long_list_has_its_own_line():
    assert Lines.of(TEXT).line(("leave_out",), "b") == 4
    assert Lines.of(TEXT).line(("leave_out",), "never said") == 2


@pytest.mark.parametrize("name", ["default.toml", "phrases.toml"])
def test_every_key_of_the_shipped_files_is_found_where_it_stands(name):
    text = files("sentiment.rules").joinpath(name).read_text("utf-8")
    lines, rows = Lines.of(text), text.split("\n")

    def keys(value, path):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield (*path, key)
                yield from keys(inner, (*path, key))
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                yield from keys(inner, (*path, i))

    seen = set()
    for path in keys(tomllib.loads(text), ()):
        row = rows[lines.line(path) - 1]
        assert str(path[-1]) in row or path[-2] == "range", path
        if "[[" not in row and "range" not in row and "[phrases" not in row and "[fragments" not in row:
            assert path not in seen
            seen.add(lines.line(path))
    assert len(seen) > 10
