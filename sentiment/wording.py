"""The phrases that matter in a contact centre, over text as :func:`sentiment.phrases.normalise` gives it.

What an agent says that may turn a customer's mood (:data:`BETTER`, :data:`WORSE`), and what the rules
of :mod:`sentiment.moments` listen for. English only: set by reading service calls, not learned.
"""

from __future__ import annotations

from sentiment.phrases import Phrase

__all__ = ["BETTER", "DISMISSIVE", "ESCALATION", "HOLD", "LEAVING", "REPEATED_CONTACT", "WORSE"]

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
        r"gone through|good news|should (?:now )?(?:work|be working|be able)|taken care of",
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

# -- what the rules listen for ---------------------------------------------------------------------

_WANT = (
    r"(?:want|like|going|have|need|ready|prefer|decided|trying|love|happy|about|wish) to|please|just|rather|"
    r"(?:i|we) (?:will|would|may|might)|(?:can|could) you|let (?:us|me)|considering|thinking (?:of|about)"
)
_SERVICE = (
    r"(?:services?|account|subscription|contract|policy|plan|membership|insurance|cover|coverage|lines?|package|"
    r"connection|cable|internet|broadband|phone|mobile|licen[cs]e|cards?|whole thing|everything)"
)
_ANOTHER = r"(?:another|a different|a new|some other|your)"
_FIRM = r"(?:provider|company|carrier|bank|supplier|insurer|shop|store|agency|network|competitor)s?"
_CHANGE = r"(?:switch(?:ing)?|chang(?:e|ing)|mov(?:e|ing)|go(?:ing)?)"
_CONTACT = (
    r"(?:call(?:ed|ing)?|phon(?:e|ed|ing)|contact(?:ed|ing)?|ring(?:ing)?|rung|rang|email(?:ed|ing)?|wrote|"
    r"written|spoken|spoke|speak|explain(?:ed|ing)?|chat(?:ted|ting)?)"
)
_NTH = r"(?:second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|umpteenth|hundredth|\d+(?:nd|rd|th))"
_TIMES = (
    r"(?:twice|(?:two|three|four|five|six|seven|eight|ten|\d+|several|many|multiple|a few|a couple(?: of)?)"
    r" times)"
)

LEAVING = (
    Phrase.of(
        "cancelling",
        # Who cancels an order or an appointment is not leaving.
        rf"(?:{_WANT}) cancel (?:(?:my|our|the|this|your|all my|all of my) (?:\w+ ){{0,3}})?{_SERVICE}",
        rf"(?:{_WANT}) cancel(?=$| ,| (?:because|if|and|with you|right now|today|completely|altogether)\b)",
        r"(?:of|about|considering|am|are) cancelling (?:my|our|the|this|with)",
    ),
    Phrase.of("closing the account", r"clos(?:e|ing) (?:my|our|the|this|all my) (?:\w+ )?accounts?"),
    Phrase.of(
        "going elsewhere",
        rf"{_CHANGE} to (?:{_ANOTHER} {_FIRM}|the competition)",
        rf"(?:find|finding|look for|looking for|leave for|leaving for) {_ANOTHER} {_FIRM}",
        rf"(?:switch|change|switching|changing) {_FIRM}",
        r"(?:business|money|custom|account) (?:somewhere else|elsewhere)",
        r"(?:go|going) (?:somewhere else|elsewhere)|leav(?:e|ing) (?:your|this) company",
        r"(?:done|finished|through) with (?:you|you guys|your company|this company|you people)",
        r"never (?:\w+ ){0,2}(?:buy|buying|shop|order|use|using|book|fly|doing? business|stay) "
        r"(?:\w+ ){0,5}again",
        r"(?:lost|losing) (?:me as )?a customer",
    ),
    Phrase.of(
        "legal action",
        r"(?:my|a|our) (?:lawyer|attorney|solicitor)s?|legal action|small claims",
        r"(?:sue|suing) you(?:r company)?|(?:take|see) you (?:to|in) court",
    ),
    Phrase.of(
        "a regulator or the press",
        r"ombudsman|better business bureau|bbb|fcc|cfpb|ofcom|ofgem|trading standards",
        r"consumer protection",
        r"(?:report|complain|complaint|go|write) (?:\w+ ){0,5}(?:regulator|authorities|attorney general)",
        r"(?:go|going|talk|talking) to the (?:press|media|papers|newspapers)",
    ),
)
"""What a customer says who may leave, or take it outside."""

_BOSS = r"(?:manager|supervisor|superior|boss|team leader)"

ESCALATION = (
    Phrase.of(
        "asked for a supervisor",
        rf"(?:speak|talk|put me|transfer me|connect me|pass me|get me|escalate) (?:\w+ ){{0,4}}{_BOSS}",
        r"(?:speak|talk|put me|transfer me|connect me|pass me|get me) (?:\w+ ){0,3}(?:someone|somebody) "
        r"(?:else|higher|senior|in charge|above you)",
        rf"(?:want|need|get|give me|where is|call) (?:to (?:see|have) )?(?:your|a|the) {_BOSS}",
        rf"is there (?:a|another) {_BOSS}|(?:want|like) (?:\w+ )?(?:this |it )?(?:to be )?escalated",
    ),
    Phrase.of(
        "spoke of a formal complaint",
        r"(?:make|making|file|filing|lodge|raise|submit|put in) (?:a|an|another) (?:\w+ )?complaint",
        r"(?:formal|official) complaint",
    ),
)

REPEATED_CONTACT = (
    Phrase.of(
        "been in touch before",
        rf"{_NTH} time (?:\w+ ){{0,6}}{_CONTACT}|{_NTH} (?:phone )?(?:call|email|chat)",
        rf"not the first time (?:\w+ ){{0,4}}{_CONTACT}|every time (?:i|we) {_CONTACT}",
        rf"(?:i|we) (?:have |had )?(?:already |also |now |even )*(?:been )?{_CONTACT} "
        rf"(?:\w+ ){{0,5}}{_TIMES}",
        r"(?:i|we) (?:have |had )?already (?:called|phoned|contacted|emailed|rung)",
        r"(?:i|we) (?:have |had )?(?:called|phoned|contacted|emailed|rung) "
        r"(?:\w+ ){0,4}(?:before|last week|yesterday)",
        r"(?:i|we) (?:have been|keep|have to keep) (?:on )?(?:calling|phoning|ringing|contacting|explaining)",
    ),
)

DISMISSIVE = (
    Phrase.of(
        "“not my problem”",
        r"not (?:my|our) (?:problem|fault|department|job|concern|responsibility|issue)",
    ),
    Phrase.of("“nothing I can do”", r"nothing (?:else |more )?(?:that )?(?:i|we) can do"),
    Phrase.of("“calm down”", r"calm down|(?:stop|quit) (?:yelling|shouting|complaining)"),
    Phrase.of(
        "blame",
        r"you should have (?:\w+ ){0,2}(?:read|known|checked|called|told|thought|listened|asked)",
        r"that is your (?:problem|fault)|your own fault|you are not listening",
        r"(?:as|like) i (?:already )?told you",
    ),
    Phrase.of("indifference", r"i do not care|(?:have|need) to (?:just )?deal with it|too bad"),
)
"""An agent's wording alone; how the agent may feel is not looked at."""
