"""What introduces, asks for and follows the name of a person; and the words that are none."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sentiment.redact.tokens import words_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sentiment.redact.tokens import Turn

__all__ = [
    "ANSWER_STARTS",
    "BUT_NAMES",
    "GREETINGS",
    "MEDIUM",
    "NATIONS",
    "NOT_NAMES",
    "QUESTIONS",
    "RELATIONS",
    "STRONG",
    "TITLES",
    "WEAK_ENDS",
    "phrase_end",
]

Phrases = dict[str, list[tuple[str, ...]]]


def _table(phrases: Iterable[str]) -> Phrases:
    table: Phrases = defaultdict(list)
    for phrase in phrases:
        words = tuple(phrase.split())
        table[words[0]].append(words)
    for bucket in table.values():
        bucket.sort(key=len, reverse=True)
    return table


def phrase_end(turn: Turn, place: int, table: Mapping[str, Sequence[tuple[str, ...]]]) -> int | None:
    """The last token of the longest phrase of a table that begins with the ``place``-th word, or ``None``."""
    for phrase in table.get(turn.tokens[turn.words[place]].low, ()):
        if words_match(turn, place, phrase):
            return turn.words[place + len(phrase) - 1]
    return None


STRONG = _table(
    [
        *(f"{whose} name {link}" for whose in ("my", "his", "her", "their", "the", "wife 's") for link in ("is", "'s", "was")),
        *(f"{which} name {link}" for which in ("first", "last", "full", "maiden", "middle") for link in ("is", "'s", "was")),
        "my names", "surname is", "surname 's", "name is", "name 's", "under the name", "under the name of",
        "in the name of", "by the name of", "name on it is", "name on the card is", "name on the account is",
        "account holder is", "the account of", "attention", "attn", "card says", "first name", "last name", "surname",
    ]
)  # fmt: skip
"""Whatever follows is a name."""

MEDIUM = _table(
    [
        "this is", "i'm", "i am", "im", "it 's", "its", "it is", "speaking with", "speaking to", "speak with",
        "speak to", "spoke with", "spoke to", "spoken to", "spoken with", "talk to", "talked to", "talking to",
        "talk with", "ask for", "asked for", "call me", "named", "called", "was it", "signed by", "told by",
        "under", "here 's", "that 's", "with you is", "you 're", "you've reached", "made out to", "wrote it to", "belongs to", "am i speaking with",
    ]
)  # fmt: skip
"""A name may follow, if the lists know it."""

QUESTIONS = _table(
    [
        "your name", "your full name", "your first name", "your last name", "first and last name", "last name",
        "first name", "full name", "maiden name", "surname", "passenger 's name", "name of the passenger",
        "who am i speaking with", "who am i speaking to", "who am i talking to", "who am i chatting with",
        "speaking with", "who is this", "who 's calling", "who 's this", "name on the card", "name on the account",
        "name as it appears", "under what name", "what name", "and the name", "the name", "patient 's name",
        "driver 's name", "name please", "her name", "his name", "mum 's name", "mother 's name", "name of?", "name",
        "and you are", "who 'll sign", "who will sign", "in the name of", "who authorised it", "who authorized it",
    ]
)  # fmt: skip

GREETINGS = frozenset(
    "hi hello hey thanks okay ok bye sorry dear morning afternoon evening yes no alright hiya".split()
)
"""After these one may be addressed by name ("thank you, Sarah")."""

TITLES = frozenset("mr mrs ms miss mister missus dr doctor mx professor prof".split())

RELATIONS = frozenset(
    "wife husband son daughter mother mom mum dad father brother sister boss manager supervisor partner boyfriend "
    "girlfriend friend cousin uncle aunt fiance fiancee neighbor neighbour colleague technician engineer agent grandson "
    "granddaughter grandmother grandfather niece nephew stepson".split()
)

ANSWER_STARTS = frozenset(
    "yeah yes sure it it's its 's is uh um hi hello hey this i'm im i am my name names okay ok well so oh of course the first "
    "last a".split()
)

NATIONS = frozenset(
    "american british english irish scottish welsh french german italian spanish mexican canadian australian indian chinese "
    "japanese korean polish russian dutch swedish greek turkish catholic christian jewish muslim african asian european "
    "puerto hispanic latino latina republican democrat texan californian medicare medicaid".split()
)
"""What one may be beside a person of some name: "I'm Irish"."""

WEAK_ENDS = frozenset("on in for the a an not and or with is was of to it".split())

NOT_NAMES = frozenset(
    "i a an the and or but if so as at by for from in into is it its of off on onto to too up us we he she you they them me my "
    "your his her our their this that these those who what when where why how which am are was were be been being do does did "
    "done doing don't have has had having can can't could couldn't would wouldn't should will won't shall may might must not no "
    "yes yeah yep nope okay ok oh uh um uhm hmm hm mhm ah er well hi hello hey bye goodbye thanks thank please sorry just like "
    "really very much more most some any all both each every here there then than now today tomorrow yesterday still already "
    "again also only even about around after before because while until since with without out over under down back calling "
    "call called speaking spelled spell last first name names number account order card email phone address right wrong good "
    "great fine sure absolutely actually maybe perhaps one two three four five six seven eight nine ten zero going gonna got get "
    "getting iban let need want know think see look looking trying wondering having ma'am sir miss mr mrs ms dr doctor mister one's "
    "dot com net org double triple hold moment minute please everyone everybody someone somebody anyone nobody guys folks "
    "happy glad afraid sure unable able ready waiting done new old i'm i've i'd i'll im you're we're it's that's let's what's "
    "billing sales support tech service customer services team department company bank it'll they're isn't wasn't doesn't "
    "never always ever something anything nothing everything monday tuesday wednesday thursday friday saturday sunday january "
    "february april june july september october november december spelt see say said says tell told".split()
)
"""Words that are never a part of a name here."""

BUT_NAMES = frozenset(
    "may will mark bill art rich frank grace hope joy faith long young day days way time times week month year home house street "
    "street road avenue drive city state north south east west main king queen english american british french german spanish "
    "visa mastercard amex discover gas electric water power wireless mobile telecom insurance credit union group medical clinic "
    "hospital hotel inn air airlines airways car cars hire rental store shop online internet wifi tv cable god jesus christ lord "
    "president christmas easter ticket case room flight seat gate black white green brown blue red gold silver best love price "
    "chase ford wells power help page line side late early high low small little big large cash check sale deal cancel reset "
    "monthly annual yearly pro plus premium basic gift store inc llc ltd corp co mutual federal national first american bank "
    "frustrated angry upset mad done working trying having getting going looking wondering pretty quite kind sort part "
    "interested confused disappointed concerned located based missing due good bad free full half whole same other next".split()
)
"""Words that may be names, but that a capital alone does not make one after another name."""
