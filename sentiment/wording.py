"""What an agent says that turns a mood, over text as :func:`sentiment.phrases.normalise` gives it.

English only: set by reading service calls, not learned. What rules listen for is in ``rules/phrases.toml``.
"""

from __future__ import annotations

from sentiment.phrases import Phrase

__all__ = ["BETTER", "HOLD", "WORSE"]

_HOLD = (
    r"on hold|hold (?:on|please|the line|for)|please hold|bear with me|(?:one|a) (?:moment|second|minute)|"
    r"give me (?:\w+ ){1,2}(?:moment|second|sec|minute)s?"
)

HOLD = Phrase.of("a wait", _HOLD)
"""An agent about to leave the customer waiting on the line."""

_WE = r"(?:i|we) (?:have |had )?(?:just |now |already |also )*"
_GIVE = (
    r"(?:offer|give|send|credit|refund|waive|replace|arrange|book|upgrade|extend|cover|add|swap|order|pay|drop|"
    r"(?:put|move|switch|get) you(?! through)|take (?:\w+ ){1,4}off|throw in|knock)"
)
_DONE = (
    r"(?:fixed|sorted|resolved|corrected|restored|approved|reversed|released|refunded|credited|waived|unlocked|"
    r"unblocked|activated|reinstated|confirmed|cleared|finished|repaired)"
)

BETTER = (
    Phrase.of(
        "an offer",
        rf"(?:i|we) (?:can|could) (?:\w+ ){{0,2}}(?:{_GIVE}|do that)",
        rf"(?:i|we) (?:will|would like to|want to|am going to|are going to|would be (?:happy|glad) to|am "
        rf"allowed to) (?:\w+ )?{_GIVE}",
        rf"let me (?:\w+ )?{_GIVE}|how about (?:i|we)|(?:i|we) do have a",
        r"free (?:of )?\w+|for free|(?:no|without) (?:extra |additional )?(?:charge|cost)|complimentary",
        r"on (?:us|me|the house)(?= ,|$)|same price|\w+ percent(?: off)?|gift card|you qualify",
        r"full refund|refund you|money back|discount|voucher|credit (?:to|on) your",
    ),
    Phrase.of(
        "a fix",
        rf"{_WE}{_DONE}|(?:is|are|been|got|that is) (?:\w+ ){{0,2}}{_DONE}",
        rf"{_WE}(?:updated|removed|reset|booked|changed|cancelled|replaced|switched)",
        rf"{_WE}taken (?:\w+ ){{1,4}}off",
        r"(?:is|are|been) (?:all |now )+(?:set|done|active|good)|all done|there we go",
        r"(?:is|are) (?:\w+ )?(?:back|gone|zero|ready|working|active|on (?:its|the|their) (?:way|van))"
        r"(?= ,|$| to| and| in| on| up| with| now)",
        r"gone through|good news|should (?:now )?(?:work|be working)|should now be able|taken care of",
        rf"{_WE}(?:found (?:it|the|your)|managed to)|works (?:now|at our end)",
    ),
    Phrase.of("an apology", r"(?:i am|we are) (?:\w+ ){0,2}sorry|so sorry|apologi[sz]e|apologies"),
    Phrase.of("understanding", r"i (?:\w+ )?understand|i hear you|you are (?:absolutely |quite )?right"),
    Phrase.of("thanks", r"thank you|thanks|appreciate"),
)
WORSE = (
    Phrase.of(
        "a refusal",
        r"(?:i|we|you|they|it|system) (?:am|are|will|would) not (?:be )?"
        r"(?:able|allowed|eligible|entitled|going|let|get)",
        r"(?:i|we|you|they) do not (?:qualify|offer|cover|have|give|do|make)",
        r"(?:i|we|you) (?:can|could) not (?:\w+ )?"
        r"(?:do|help|offer|refund|give|make|change|waive|cancel|return|honou?r)",
        r"not possible|(?:am|are) (?:unable|not able|not allowed) to|no way|not something",
        r"nothing (?:else |more )?(?:that )?(?:i|we) can do|unfortunately",
        r"policy (?:is|says)|against (?:our )?policy",
        r"not (?:covered|eligible|responsible)|denied|declined|turned down|rejected|no record",
        r"no longer|expired|ran out|run out|sold out|answer is no|customers only|too late",
        r"(?:fee|charge|decision|price) (?:still )?stands|your own expense|have (?:got )?to pay",
    ),
    Phrase.of("a dismissive remark", r"calm down|not my (?:problem|fault|department|job)|you should have"),
    Phrase.of(
        "a transfer",
        r"transfer(?:ring)? you|put you through|another department|call (?:them|back)|pass (?:this|it|you)",
    ),
    Phrase.of(
        "a wait",
        _HOLD,
        r"(?:business|working) days|\w+ (?:to|or) \w+ (?:days|weeks)|(?:have|need) to wait|delay(?:ed)?",
        r"another \w+ (?:days|weeks)|in \w+ weeks|backlog|in a queue|minute wait|waiting for",
        r"(?:takes?|taking) (?:longer|a while)|just a minute|earliest|next appointment",
        r"(?:hold|stay on) the line|(?:really|very) slow",
        r"(?:not|can not|could not) (?:\w+ ){0,3}(?:say when|know when|told us when|a new date|yet)",
        r"(?:end|middle) of (?:the month|next (?:week|month))|fill in (?:\w+ ){1,3}again",
    ),
    Phrase.of(
        "a fee", r"(?:fees?|charges?|charged) of|(?:cancelling|cancell?ation|late|extra) (?:fee|charge)s?"
    ),
)
