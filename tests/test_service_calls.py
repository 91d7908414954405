"""The written service calls: the file is valid and consistent, and drawing from it is sound."""

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from corpus import service_calls

from sentiment.errors import InputError

CALLS = service_calls.ServiceCalls()
TEXTS = [(group, text) for group in CALLS.groups for text in group["texts"]]


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w{}']+", " ", text.lower()).split())


def test_there_are_many_distinct_texts() -> None:
    assert len({_plain(text) for _, text in TEXTS}) >= 2500
    assert len({group["id"] for group in CALLS.groups}) == len(CALLS.groups)


def test_classes_and_roles_are_balanced() -> None:
    top = Counter(max(range(3), key=group["sentiment"].__getitem__) for group, _ in TEXTS)
    roles = Counter(group["role"] for group, _ in TEXTS)
    bounds: tuple[tuple[Counter[Any], int | str, float, float], ...] = (
        (top, 0, 0.33, 0.43),
        (top, 1, 0.32, 0.44),
        (top, 2, 0.20, 0.30),
        (roles, "customer", 0.60, 0.75),
        (roles, "agent", 0.20, 0.33),
        (roles, "ivr", 0.01, 0.06),
    )
    for counts, key, low, high in bounds:
        assert low < counts[key] / len(TEXTS) < high, (key, counts)


def test_labels_agree_with_each_other() -> None:
    for group in CALLS.groups:
        negative, _, positive = group["sentiment"]
        assert abs((positive - negative) - group["valence"]) < 0.45, group["id"]
        if group["role"] == "ivr":
            assert group["sentiment"][1] > 0.9


def test_a_text_has_one_label_in_a_context() -> None:
    """The same words may differ by what stands before them, or by who says them, and by nothing else."""
    kinds = {*CALLS.contexts, "none"}
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}
    for group, text in TEXTS:
        named = group.get("context") or [json.dumps(before) for before in group["before"]]
        for kind in kinds if "any" in named else named:
            other = seen.setdefault((group["role"], _plain(text), kind), group)
            apart = max(abs(a - b) for a, b in zip(group["sentiment"], other["sentiment"], strict=True))
            assert apart < 0.35, f"{text!r} after {kind}: {other['id']} and {group['id']}"


def test_drawing_is_repeatable() -> None:
    first, again, other = (CALLS.examples(random.Random(seed), held=False, copies=2) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == 2 * sum(not service_calls.held_out(text) for _, text in TEXTS)


def test_about_a_fifth_is_held_out() -> None:
    assert 0.17 < sum(service_calls.held_out(text) for _, text in TEXTS) / len(TEXTS) < 0.23


def test_no_held_out_text_is_drawn_for_training() -> None:
    """Neither as the text nor, by ``@name``, as a turn before it."""
    held = {_plain(text) for _, text in TEXTS if service_calls.held_out(text) and len(text) > 20}
    spans = [*CALLS.contexts.values(), *(group.get("before", []) for group in CALLS.groups)]
    written = {_plain(text) for turns in spans for span in turns for _, text in span}
    for example in CALLS.examples(random.Random(3), held=False, copies=3):
        assert _plain(example.text) not in held
        assert len(example.context) <= service_calls.MAX_TURNS
        assert not {_plain(text) for _, text in example.context} & held - written


def test_every_slot_is_filled() -> None:
    for held in (False, True):
        for example in CALLS.examples(random.Random(4), held=held, copies=2):
            for text in (example.text, *(text for _, text in example.context)):
                assert not re.search(r"[{}@]", text.replace("@yahoo", "")), text


def test_contexts_are_of_the_kind_asked_for() -> None:
    rng = random.Random(5)
    assert CALLS.before(rng, "none") == ()
    assert all(CALLS.before(rng, "badnews")[-1][0] == "agent" for _ in range(100))
    assert () in {CALLS.before(rng, "any") for _ in range(100)}


GOOD = {
    "id": "g",
    "role": "customer",
    "context": ["any"],
    "sentiment": [0.1, 0.8, 0.1],
    "valence": 0.0,
    "emotions": [],
    "texts": ["my {item}"],
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"texts": ["my {itm}"]}, "unknown slot"),
        ({"texts": []}, "wrong texts"),
        ({"role": "boss"}, "wrong role"),
        ({"sentiment": [0.1, 0.8, 0.2]}, "wrong sentiment"),
        ({"valence": 2}, "wrong valence"),
        ({"emotions": ["rage"]}, "wrong emotions"),
        ({"context": ["unheard"]}, "wrong context"),
        ({"before": [[["agent", "@nobody"]]]}, "no group"),
        ({"before": [[["agent", "hi"]] * 4]}, "1 to 3 turns"),
        ({"valence": None}, "TypeError"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "calls.jsonl"
    lines = [{"slots": {"item": ["bag"]}}, {"context": "calm", "turns": [[["agent", "hi"]]]}, GOOD]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    assert len(service_calls.ServiceCalls(path).examples(random.Random(0), held=False, copies=1)) <= 1
    path.write_text("\n".join(json.dumps(line) for line in [*lines[:2], {**GOOD, **change}]))
    with pytest.raises(InputError, match=rf"calls\.jsonl:3: .*{says}"):
        service_calls.ServiceCalls(path)


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text('{"slots": {}}\nnot json\n')
    with pytest.raises(InputError, match=r"calls\.jsonl:2"):
        service_calls.ServiceCalls(path)
