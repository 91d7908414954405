"""What evaluation needs beside the software itself."""

import sys

import pytest

from sentiment.evaluation import word_errors


def test_without_jiwer_word_errors_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ImportError, match="run: pip install jiwer"):
        word_errors("one two", "one")
