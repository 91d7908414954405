"""Words of postal addresses."""

from __future__ import annotations

__all__ = [
    "AMBIGUOUS_SUFFIXES",
    "DIRECTIONS",
    "NOT_STREETS",
    "POSTCODE_AREAS",
    "STATES",
    "STATE_CODES",
    "SUFFIXES",
    "UNITS",
]

SUFFIXES = frozenset(
    "street st avenue ave av road rd boulevard blvd lane ln terrace terr parkway pkwy highway hwy broadway crescent "
    "cul mews turnpike causeway freeway expressway".split()
)
"""Words that end a street's name and hardly mean anything else after a number and a name."""

AMBIGUOUS_SUFFIXES = frozenset(
    "drive dr way court ct place pl close park circle cir square sq view hill hills walk row run point path pass ridge "
    "bend field fields green gardens garden house plaza trail trl loop station spring springs grove rise heights "
    "crossing alley gate wharf quay yard bridge mill common parade vale center centre building tower".split()
)
"""Those that do: they count when written with a capital, or where an address is spoken of."""

DIRECTIONS = frozenset(
    "north south east west northeast northwest southeast southwest n s e w ne nw se sw".split()
)
UNITS = frozenset("apartment apt unit suite ste flat floor lot room number no # building bldg".split())

STATES = frozenset(
    "alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois "
    "indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri "
    "montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia washington "
    "wisconsin wyoming".split()
) | {
    "new hampshire", "new jersey", "new mexico", "new york", "north carolina", "north dakota", "rhode island",
    "south carolina", "south dakota", "west virginia",
}  # fmt: skip
STATE_CODES = frozenset(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
    "PA RI SC SD TN TX UT VT VA WA WV WI WY".split()
)

NOT_STREETS = frozenset(
    "hour hours minute minutes min mins mile miles day days way lane block blocks year years dollar dollars percent of "
    "the a an on in down up to from my your his her our their and or at is was are were for with per off i it we you "
    "that this them there they he she if but so as by about around all any every each one's two's times time more "
    "other another same next past last bedroom door doors star people cars lines bags".split()
)
"""Words that no street has after its number: "a ten minute drive", "two way street", "4 of the road"."""

POSTCODE_AREAS = frozenset(
    "AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G "
    "GL GU HA HD HG HP HR HS HU HX IG IP IV KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA "
    "PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR "
    "WS WV YO ZE".split()
)
