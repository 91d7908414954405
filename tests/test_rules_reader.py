"""A file of rules: what is read of it, what is refused and where, and that all of it is documented."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from factories import agent, call, customer

from sentiment.errors import RulesError
from sentiment.moments import flag_moments
from sentiment.rules.felt import EMOTIONS
from sentiment.rules.filters import COMMON_FIELDS, FILTERS
from sentiment.rules.reader import FILE_KEYS, RULE_KEYS, default_rules, phrasebook, read_rules, rules_of
from sentiment.rules.tables import keys_of
from sentiment.rules.values import Limits, Range
from sentiment.weights import weights_dir

GOOD = """\
[[rule]]
name = "asks"
description = "The customer asks."
severity = 0.5
explanation = "{when} the customer asked: {quote}"
[[rule.all]]
filter = "phrase"
role = "customer"
words = ["refund"]
"""


def test_a_rule_of_ones_own_is_found_and_told():
    later = customer("I had a REFUND once.", start_ms=60_000)
    made = call(customer("I want a refund, now!"), agent("Is that a refund?"), later)
    first, second = flag_moments(made, rules_of(GOOD, "my.toml"))
    assert (first.rule, first.severity) == ("asks", 0.5)
    assert first.explanation == "At 0:00 the customer asked: “I want a refund, now!”"
    assert second.evidence.utterances == (2,)


def wrong(text, *, source="my.toml"):
    with pytest.raises(RulesError) as told:
        rules_of(text, source)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("severity = 0.5", "severity 0.5", 4, "not TOML: expected '='"),
        ("severity = 0.5", 'severity = "high"', 4, "severity must be a number in [0, 1]"),
        ("severity = 0.5", "severity = [0.9, 0.1]", 4, "two in rising order"),
        ("severity = 0.5", "severity = 1.5", 4, "in [0, 1]"),
        ("severity = 0.5\n", "", 1, "a rule needs the key 'severity'"),
        ("severity = 0.5", "severty = 0.5", 4, "did you mean 'severity'?"),
        ('name = "asks"', 'name = "Asks for"', 2, "lower-case letters"),
        ('description = "The customer asks."', 'description = ""', 3, "description must be one line"),
        ("{quote}", "\\u001b[31m{quote}", 5, "explanation has the control character '\\x1b' in it"),
        ('description = "The', 'description = "\\u0007The', 3, "description has the control character"),
        ("{quote}", "{quot}", 5, "unknown field {quot}; there are"),
        ("{quote}", "{quote", 5, "not a template"),
        ("{quote}", "{quote:>9}", 5, "write a field as {quote}"),
        ("{quote}", "{}", 5, "write a field as {quote}"),
        ("{quote}", "{other.quote}", 5, "unknown field {other.quote}"),
        ('"phrase"', '"phrases"', 7, "there is no filter 'phrases'; filters are phrase,"),
        ('filter = "phrase"\n', "", 6, "a condition needs a filter, or all or any"),
        ('role = "customer"', 'role = "boss"', 8, 'role must be "customer" or "agent" or "ivr" or "any"'),
        ('role = "customer"', 'rol = "customer"', 8, "filter phrase has no key 'rol'; did you mean 'role'?"),
        ('words = ["refund"]', 'words = "refund"', 9, "words must be a list"),
        ('words = ["refund"]', "words = [7]", 9, "must be text in quotes, not 7"),
        ('words = ["refund"]', 'words = ["?!"]', 6, "'?!' has no words in it"),
        ('words = ["refund"]', "", 6, "give sets, words or patterns"),
        ('words = ["refund"]', 'sets = ["leavng"]', 9, "there is no phrase set 'leavng'; there are"),
        ('words = ["refund"]', "patterns = ['ok',\n'(refund']", 10, "'(refund' is not a regular expression"),
        ('words = ["refund"]', "patterns = ['{boss} {nobody}']", 9, "there is no fragment {nobody}"),
        ('words = ["refund"]', 'words = ["refund"]\nmin_words = 0', 10, "at least 1, not 0"),
        ('words = ["refund"]', 'words = ["refund"]\nmin_words = 1.5', 10, "must be a whole number"),
        ('words = ["refund"]', 'words = ["refund"]\nrange = 60', 10, "must be a table, as { first_s = 60 }"),
        ('words = ["refund"]', 'words = ["refund"]\nrange = { firs_s = 6 }', 10, "did you mean 'first_s'?"),
        (
            'words = ["refund"]',
            'words = ["refund"]\nrange = { first_s = 6, last_s = 6 }',
            10,
            "give one of from_s",
        ),
        ('words = ["refund"]', 'words = ["refund"]\nrange = { last_percent = 0 }', 10, "it is empty"),
        ('words = ["refund"]', 'words = ["refund"]\nrange = { from_s = 9, to_s = 3 }', 10, "must be after"),
        ('words = ["refund"]', 'words = ["refund"]\nnegate = true', 10, "this one comes first"),
        ('words = ["refund"]', 'words = ["refund"]\nwhere = "after"', 10, "this one comes first"),
        ("[[rule.all]]", "[rule.all]", 6, "all must be tables, each under [[rule.all]]"),
        ("[[rule.all]]", "[[rule.every]]", 6, "a rule has no key 'every'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(old, new, line, says):
    assert old in GOOD
    message = wrong(GOOD.replace(old, new))
    assert message.startswith(f"my.toml:{line}: "), message
    assert says in message


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        *(
            (empty, "matches where nothing is said")
            for empty in ("(?:please )?", "", " ", r"\b", "refund|", ",? ")
        ),
        *((empty, "matches where nothing is said") for empty in ("{maybe}", r"\w*")),
        ("Refund", "write 'refund'"),
        ("my {boss}'s REFUND", "write 'refund'"),
        ("i don't know", "write 'do not' for \"don't\""),
        ("i dont know", "write 'do not' for 'dont'"),
        ("(?:it|name)|i’m", "write 'i am' for 'i’m'"),
        ("am canceling", "write 'cancelling' for 'canceling'"),
    ],
)
def test_a_pattern_that_matches_anywhere_or_never_is_refused_with_its_line(pattern, says):
    fragments = "[fragments]\nmaybe = '(?:very )?'\n"
    for text, line in (
        (GOOD.replace('words = ["refund"]', f'patterns = ["""ok""",\n"""{pattern}"""]'), 10),
        (GOOD + f'[phrases.mine]\n"it" = ["""{pattern}"""]\n', 11),
    ):
        text = text.replace("\\", "\\\\")
        if "maybe" in pattern:
            text, line = fragments + text, line + 2
        message = wrong(text)
        assert says in message
        if pattern.strip():
            assert message.startswith(f"my.toml:{line}: "), message


@pytest.mark.parametrize(
    "pattern",
    [
        r"\W{3}refund",
        "(?P<What>refund)",
        "(?:very )?late",
        "(?:pass|act)ive",
        "cant(?:een)",
        r"\d+",
        "{boss}",
    ],
)
def test_patterns_that_can_match_are_read(pattern):
    assert rules_of(GOOD.replace('words = ["refund"]', f"patterns = ['{pattern}']"), "my.toml")


BESIDE = GOOD + '[[rule.all]]\nfilter = "phrase"\nrole = "agent"\nwords = ["sorry"]\n'


@pytest.mark.parametrize(
    ("more", "line", "says"),
    [
        (
            'name = "reply"\n[[rule.all]]\nfilter = "turn"\nname = "reply"\n',
            17,
            "a condition named 'reply' is on line 14 already",
        ),
        ("within_turns = 2\n", 10, 'need where = "before" or "after"'),
        ('where = "near"\n', 14, 'where must be "anywhere" or "same" or "before" or "after"'),
        ('negate = true\nname = "reply"\n', 10, "cannot be told"),
        ("min_s = 9\nmax_s = 3\n", 10, "max_s is less than min_s"),
        ('[[rule.any]]\nfilter = "turn"\n', 14, "all or any, not both"),
        ('[[rule.all]]\n[[rule.all.any]]\nfilter = "turn"\nnegate = true\n', 17, "belongs to the group"),
        ('[[rule.all]]\nnegate = true\n[[rule.all.all]]\nfilter = "turn"\nname = "x"\n', 18, "comes first"),
    ],
)
def test_what_is_wrong_beside_another_condition_is_told(more, line, says):
    message = wrong(BESIDE + more)
    assert message.startswith(f"my.toml:{line}: "), message
    assert says in message


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ('filter = "polarity"', "give at_least or at_most"),
        ('filter = "polarity"\nat_least = 0.5\nat_most = 0.1', "at_most is less than at_least"),
        ('filter = "polarity"\nat_most = -2', "must be at least -1 and at most 1, not -2"),
        ('filter = "emotion"', "needs the key 'emotions'"),
        ('filter = "emotion"\nemotions = ["rage"]', "unknown emotion 'rage'; choose from admiration,"),
        ('filter = "emotion"\nemotions = []', "emotions is empty"),
        ('filter = "meaning"\nexamples = [" "]', "none that is empty"),
        ('filter = "mood"\nat_most = 0\nfirst_percent = 5\nlast_percent = 5', "not both"),
        ('filter = "turn"\nmin_words = 5\nmax_words = 3', "max_words is less than min_words"),
        ('filter = "non_talk"\nmin_s = 0.5', "at least 1, not 0.5"),
        ('filter = "non_talk"\nrole = "agent"', "filter non_talk has no key 'role'"),
        ('filter = "estimate"\ninstrument = "stars"\nat_most = 1', 'must be "csat" or "nps" or "ces"'),
    ],
)
def test_a_filters_own_mistakes_are_told(condition, says):
    text = re.sub(r'filter = "phrase"\n.*', condition + "\n", GOOD, flags=re.DOTALL)
    assert says in wrong(text)


@pytest.mark.parametrize("name", ["polarity", "intensity", "emotion", "mood", "shift", "estimate"])
def test_no_rule_can_ask_what_an_agent_feels(name):
    text = re.sub(r'filter = "phrase"\nrole = "customer"\n.*', f'filter = "{name}"\nrole = "agent"\n', GOOD,
                  flags=re.DOTALL)  # fmt: skip
    message = wrong(text)
    assert message.startswith("my.toml:8: ")
    assert "what an agent feels is not judged" in message


def test_two_rules_of_one_name_and_circles_are_refused():
    assert wrong(GOOD + GOOD).startswith("my.toml:11: a rule named 'asks' is on line 2 already")
    assert "there is no rule 'other'" in wrong(GOOD.replace("sever", 'yields_to = ["other"]\nsever'))
    circle = GOOD.replace("sever", 'yields_to = ["asks"]\nsever')
    assert "yields to a rule that yields to it" in wrong(circle)


def test_a_file_that_is_not_there_not_utf8_or_empty_is_told(tmp_path):
    with pytest.raises(RulesError, match="cannot be read"):
        read_rules(tmp_path / "none.toml")
    with pytest.raises(RulesError, match="cannot be read"):
        read_rules(tmp_path)
    path = tmp_path / "latin.toml"
    path.write_bytes(b'name = "caf\xe9"')
    with pytest.raises(RulesError, match=r"latin\.toml:1: not UTF-8"):
        read_rules(path)
    path.write_text("# nothing\n")
    with pytest.raises(RulesError, match="there are no rules in it"):
        read_rules(path)
    path.write_text("\ufeff" + GOOD, "utf-8")
    assert read_rules(path).source == "latin.toml"


def names(rules):
    return [rule.name for rule in rules.rules]


def test_the_shipped_rules_can_be_added_replaced_and_left_out():
    own = rules_of("include_default = true\nleave_out = ['great_close']\n" + GOOD, "my.toml")
    assert set(names(own)) == set(names(default_rules())) - {"great_close"} | {"asks"}
    mine = rules_of("include_default = true\n" + GOOD.replace('"asks"', '"recovery"'), "my.toml")
    assert names(mine) == names(default_rules())
    assert next(r for r in mine.rules if r.name == "recovery").description == "The customer asks."
    without = rules_of("include_default = true\nleave_out = ['peak_anger']", "my.toml")
    assert all("peak_anger" not in rule.yields_to for rule in without.rules)
    assert "there is no default rule 'peek'" in wrong("include_default = true\nleave_out = ['peek']")
    assert "add include_default" in wrong("leave_out = ['recovery']\n" + GOOD)


def test_phrases_and_fragments_of_ones_own_stand_beside_the_shipped_ones():
    text = GOOD.replace('words = ["refund"]', 'sets = ["money", "leaving"]')
    text = (
        "[fragments]\nback = 'back|returned'\n[phrases.money]\n\"money\" = ['{want} money {back}']\n" + text
    )
    rules = rules_of(text, "my.toml")
    said = ("I'd like to get money", "i want to have the money", "We want to money returned")
    found = flag_moments(call(*(customer(t) for t in said), customer("I'll close my account.")), rules)
    assert [m.evidence.utterances for m in found] == [(2, 3)]
    for bad, says in (
        ("[phrases]\nmoney = ['x']\n", "must be a table of kinds"),
        ("[phrases.money]\nkind = 'x'\n", "must be a list of regular expressions"),
        ("[phrases.money]\nkind = ['(']\n", "is not a regular expression"),
        ("[fragments]\nback = 7\n", "must be a regular expression in quotes"),
    ):
        assert says in wrong(bad + GOOD)
        assert wrong(bad + GOOD).startswith("my.toml:2: ")


def test_rules_are_recorded_by_what_they_say_comments_aside():
    rules = rules_of(GOOD, "my.toml")
    assert rules.provenance() == {"source": "my.toml", "sha256": rules.sha256}
    assert rules_of("# a comment\n\n" + GOOD, "my.toml").sha256 == rules.sha256
    assert rules_of(GOOD.replace("0.5", "0.6"), "my.toml").sha256 != rules.sha256
    included = rules_of("include_default = true\n" + GOOD, "my.toml")
    assert included.sha256 not in (rules.sha256, default_rules().sha256)


# -- what is documented ----------------------------------------------------------------------------

DOCS = Path(__file__).resolve().parents[1] / "docs" / "rules.md"


@pytest.fixture(scope="module")
def docs():
    if not DOCS.is_file():
        pytest.skip("the documentation is not here")
    return DOCS.read_text("utf-8")


def section(docs, name):
    return docs.split(f"\n### {name}\n")[1].split("\n#")[0]


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_key_and_field_is_documented_with_an_example_that_is_read(docs, name):
    text = section(docs, name)
    for key in keys_of(FILTERS[name]):
        assert re.search(rf"^\|[^|]*`{key}`", text, re.MULTILINE), f"{name}: {key}"
    for key in FILTERS[name].tells:
        assert f"{{{key}}}" in text, f"{name}: {{{key}}}"
    example = text.split("```toml\n")[1].split("```")[0]
    rule = re.sub(r'filter = "phrase"\n.*', example, GOOD, flags=re.DOTALL)
    assert example.startswith(f'filter = "{name}"')
    assert rules_of(rule, "docs").rules


def test_every_other_key_emotion_and_phrase_set_is_documented(docs):
    for key in (*FILE_KEYS, *RULE_KEYS, *keys_of(Limits)):
        assert re.search(rf"^\|[^|]*`{key}`", docs, re.MULTILINE), key
    assert all(f"{key} = " in section_of_conditions(docs) for key in keys_of(Range))
    assert all(re.search(rf"^\| `{{{key}}}`", docs, re.MULTILINE) for key in (*COMMON_FIELDS, "n"))
    assert all(emotion in section(docs, "emotion") for emotion in EMOTIONS)
    assert all(f"`{name}`" in docs for name in phrasebook().sets)


def section_of_conditions(docs):
    return docs.split("\n## Conditions\n")[1].split("\n## ")[0]


def test_whole_rules_in_the_documentation_are_read(docs):
    blocks = re.findall(r"```toml\n(.*?)```", docs, re.DOTALL)
    whole = [block for block in blocks if "name = " in block.split("[[rule.all]]")[0] and "[[rule]]" in block]
    assert whole
    for block in whole:
        assert rules_of(block, "docs").rules


# -- the shipped rules -----------------------------------------------------------------------------


def test_the_emotions_are_those_the_shipped_scorer_gives():
    config = json.loads((weights_dir("affect") / "config.json").read_text("utf-8"))
    assert set(EMOTIONS) == set(config["emotions"])


def test_the_shipped_rules_are_told_in_one_line_each():
    rules = default_rules()
    assert len(set(names(rules))) == len(rules.rules) >= 16
    assert all(rule.description.endswith(".") and "\n" not in rule.description for rule in rules.rules)
    assert all(dataclasses.is_dataclass(rule.find) for rule in rules.rules)
