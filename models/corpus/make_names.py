"""Lists of first names and surnames, into ``sentiment/redact/names.txt``, for :mod:`sentiment.redact.names`.

    pip install names==0.3.0 faker==40.63.0 mimesis==19.1.0
    python models/corpus/make_names.py --words /usr/share/dict/american-english-small

``names`` (MIT) carries the frequency lists of the US census of 1990, which are in the public domain;
``Faker`` and ``mimesis`` (both MIT) add names common elsewhere, and :data:`MORE` those of
countries that none of them writes in Latin letters. ``--words`` is SCOWL's small word list (Debian's
``wamerican-small``): a name that is also an English word in lower case is listed as ambiguous, since
"will", "may" and "grace" alone say nothing. The same input gives the same file.
"""

from __future__ import annotations

import argparse
import importlib
import json
import textwrap
import unicodedata
from pathlib import Path

__all__ = ["main"]

OUT = Path(__file__).resolve().parents[2] / "sentiment" / "redact" / "names.txt"
N_SURNAMES = 9_000
"""The commonest of the census: three Americans in four have one of them."""
RAREST_FIRST_PERCENT = 0.003
LOCALES = (
    "en_GB en_IE en_IN en_KE en_NG en_NZ en_PK en_US es_ES es_MX de_DE fr_FR it_IT nl_NL pl_PL pt_BR sv_SE no_NO "
    "da_DK tr_TR yo_NG ig_NG ha_NG zu_ZA tw_GH id_ID hr_HR"
).split()

MORE = frozenset(
    "abdullah abhishek adebayo adeola ahmad aisha ajay akash akira amit anand anil anita anjali ankit arjun arun asha asif "
    "ashok ashish ayesha ayodele babatunde bao bilal bin chen chidi chinedu chukwu deepa deepak deepika dinesh dmitri "
    "dmitry duc emeka farah farhan farid farouk faisal feng gaurav geeta girish gopal guillermo guo hamid hamza haruto "
    "hassan hiroshi hui huang hyun ibrahim igor imani imran irfan ismail jaya jian jin jing jun kareem kavita kenji khadija "
    "khalid kiran krishna kumar kunal lakeisha lamar latoya latisha layla lei leila li ling linh mahesh mahmoud malik manish "
    "manoj mariam mariana ming min mohamed mohammad mohan mohsin muhammad mukesh mustafa nadia naveen neha nikhil nikita "
    "nisha nitin noor olga oluwaseun omari pankaj pooja prakash pradeep pranav prasad prashant preeti puja radha rahul "
    "rajan rajesh rajiv raju rakesh ramesh rania rashid ravi rekha rohit ryo sachin saeed sakura salim samir sandeep "
    "sanjay santosh sara sarita satish seema shahid shalini shanice shankar shaniqua shilpa shivani shreya siddharth sneha "
    "soo srinivas subramanian sunil sunita suresh swati takeshi tamika tariq tendai thabo thanh tuan uma usha usman "
    "vandana venkat venkatesh vijay vikas vikram vinay vinod vivek vladimir wei xiao xin yan yasmin ying yoko yuki yusuf "
    "zainab zhen aaliyah deandre deshawn jamal jada keisha kiara lakisha malia nevaeh rasheed shanelle tyrese "
    "xiomara yesenia".split()
)

NO_NAMES = frozenset(
    "hai iban aba bic swift wifi okay yeah gonna wanna thats dont ive ill cant youre hes shes its lol".split()
)

PLAIN = frozenset(
    "john jack tom bob bobby jimmy peter jerry josh ted harry jenny kelly tommy billy mike matt chuck nelly terry "
    "jerrod jill jimmie sally tracey randal fred timothy rory alec vera sean lydia betty polly".split()
)
"""Names that the word list has in lower case too, and that hardly anybody says but as a name."""

AMBIGUOUS = frozenset(
    # Places
    "america asia austin boston brooklyn carolina charlotte chelsea china cleveland dakota dallas denver devon "
    "diego egypt england erin florence florida france francisco georgia germany holland houston india indiana "
    "ireland israel italy jackson jamaica jersey jordan kansas kent kenya kingston lancaster lincoln london "
    "louisiana madison malta manchester mexico milan miami montana nevada orlando oxford paris phoenix preston "
    "richmond salem savannah scotland sicily spain sydney tennessee texas troy tulsa tyler valencia venice "
    "victoria vienna virginia wales warren washington york santiago antonio clara rosa bernardino barbara monica "
    "cruz carson devonshire essex durham bristol lexington lafayette albany aurora bradford berlin odessa "
    # Firms, products, holidays and what else is written with a capital
    "alexa siri cortana amazon dell ford chase wells fargo macy wendy mercedes chevy toyota lyft uber visa "
    "chrysler cadillac hilton marriott disney kroger target walmart costco nike adidas verizon sprint fisher "
    "christmas easter april june august march may monday friday sunday jan dec christ jesus god king queen "
    "english french german spanish chinese irish european english american indian mac apple windows android "
    "harley olive clementine carmen alfa dell xerox lexus ram tesla mini carnival norton adobe oracle epson nina "
    "american english oh so see my an do in on be he she the you le la de du van von ma pa an am ok".split()
)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--words", type=Path, required=True)
    words = {w for w in parser.parse_args().words.read_text().split() if w.islower()} - PLAIN | AMBIGUOUS
    first, last = _census()
    for locale in LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        first |= _of(provider, "first_names") | _of(provider, "first_names_male")
        first |= _of(provider, "first_names_female")
        last |= _of(provider, "last_names")
    first |= _of_mimesis() | MORE
    first -= NO_NAMES
    last -= NO_NAMES
    first -= {name for name in first if len(name) < 3 and name not in ("al", "ed", "jo", "bo", "cy")}
    groups = {
        "first": first - words,
        "first ambiguous": first & words,
        "last": last - words,
        "last ambiguous": last & words,
    }
    blocks = [
        f"[{title}]\n" + textwrap.fill(" ".join(sorted(names)), 110, break_on_hyphens=False)
        for title, names in groups.items()
    ]
    OUT.write_text("\n".join(blocks) + "\n", encoding="utf-8")


def _census() -> tuple[set[str], set[str]]:
    """First names and surnames of the census, the rarest left out."""
    import names  # type: ignore[import-not-found,unused-ignore]

    first: set[str] = set()
    for sex in ("first:male", "first:female"):
        for line in Path(names.FILES[sex]).read_text().splitlines():
            name, percent = line.split()[:2]
            if float(percent) >= RAREST_FIRST_PERCENT:
                first.add(name.lower())
    surnames = Path(names.FILES["last"]).read_text().splitlines()[:N_SURNAMES]
    return first, {line.split()[0].lower() for line in surnames}


def _of_mimesis() -> set[str]:
    """The commonest first names of Switzerland, where people from everywhere live, and of Mexico."""
    import mimesis  # type: ignore[import-not-found,unused-ignore]

    found: set[str] = set()
    for locale in ("de-ch", "es-mx"):
        path = Path(mimesis.__file__).parent / "datasets" / locale / "person.json"
        for listed in json.loads(path.read_text(encoding="utf-8"))["names"].values():
            found |= {name.lower() for name in listed if name.isalpha()}
    return found


def _of(provider: object, attribute: str) -> set[str]:
    """The single-word names of one list of Faker's, with and without their accents."""
    listed = {str(name).lower() for name in getattr(provider, attribute, ())}
    bare = {
        "".join(c for c in unicodedata.normalize("NFD", n) if not unicodedata.combining(c)) for n in listed
    }
    return {name for name in listed | bare if name.isalpha()}


if __name__ == "__main__":
    main()
