"""The recording in a page comes out as it went in."""

from dataclasses import replace

import pytest
from report_calls import make_call

from sentiment.errors import ConversationError
from sentiment.formats.html import call_page
from sentiment.formats.stored_page import sound_of

PEAKS = ((0.1, 0.25, 1.0), (0.0, 0.5, 0.125))


def test_a_page_made_anew_from_its_own_sound_is_the_same():
    page = call_page(make_call(), playback=b"\xff\xfbsound", peaks=PEAKS)
    sound = sound_of(page)
    assert (sound.playback, sound.peaks) == (b"\xff\xfbsound", PEAKS)
    assert call_page(make_call(), playback=sound.playback, peaks=sound.peaks) == page


def test_a_page_without_sound_has_none():
    sound = sound_of(call_page(make_call(), playback=None))
    assert (sound.playback, sound.peaks) == (None, ())


def test_text_in_a_call_that_looks_like_sound_is_not_taken_for_it():
    call = make_call()
    nasty = '<audio id="audio" src="data:audio/mpeg;base64,AAAA"></audio>'
    nasty += '<script type="application/json" id="data">{}</script>'
    said = replace(call.utterances[0], text=nasty, words=())
    page = call_page(
        replace(call, id=nasty, utterances=(said, *call.utterances[1:])), playback=b"real", peaks=PEAKS
    )
    assert sound_of(page).playback == b"real"


@pytest.mark.parametrize(
    "page", ["", "<html></html>", '<script type="application/json" id="data">{}</script>']
)
def test_another_page_is_refused(page):
    with pytest.raises(ConversationError, match="not a page of a call"):
        sound_of(page)
