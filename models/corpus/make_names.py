"""Lists of first names and surnames, into ``sentiment/redact/names.txt``, for :mod:`sentiment.redact.names`.

    pip install names==0.3.0 faker==40.63.0 mimesis==19.1.0
    python models/corpus/make_names.py --words /usr/share/dict/american-english-small

``names`` (MIT) carries the frequency lists of the US census of 1990, which are in the public domain;
``Faker`` and ``mimesis`` (both MIT) add names common elsewhere, and ``make_names.toml`` those of
countries that none of them writes in Latin letters. ``--words`` is SCOWL's small word list (Debian's
``wamerican-small``): a name that is also an English word in lower case is listed as ambiguous, since
"will", "may" and "grace" alone say nothing. The same input gives the same file.
"""

from __future__ import annotations

import argparse
import importlib
import json
import textwrap
import tomllib
import unicodedata
from pathlib import Path

__all__ = ["main"]

OUT = Path(__file__).resolve().parents[2] / "sentiment" / "redact" / "names.txt"
N_SURNAMES = 9_000
"""The commonest of the census: three Americans in four have one of them."""
RAREST_FIRST_PERCENT = 0.003
LISTS = {
    key: frozenset(listed.split())
    for key, listed in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items()
}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--words", type=Path, required=True)
    words = {w for w in parser.parse_args().words.read_text().split() if w.islower()} - LISTS[
        "plain"
    ] | LISTS["ambiguous"]
    first, last = _census()
    for locale in sorted(LISTS["locales"]):
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        first |= _of(provider, "first_names") | _of(provider, "first_names_male")
        first |= _of(provider, "first_names_female")
        last |= _of(provider, "last_names")
    first |= _of_mimesis() | LISTS["more"]
    first -= LISTS["no_names"]
    last -= LISTS["no_names"]
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
