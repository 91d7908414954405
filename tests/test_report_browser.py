"""The report as a person meets it: in a real Chromium, from a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from report_calls import TEXTS, make_call, moment, tone_mp3, utterance

from sentiment.call import Call
from sentiment.formats.html import call_page, index_page
from sentiment.summary import Failure, summarise

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
]

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"),
]

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def sound() -> bytes:
    return tone_mp3()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens HTML from a file; at the end nothing may have been logged or asked for outside the page."""
    problems: list[str] = []
    pages: list[Any] = []

    def open_html(html: str, *, name: str = "page.html", **options: Any) -> Any:
        path = tmp_path / name
        path.write_text(html, encoding="utf-8")
        page = browser.new_page(viewport=options.pop("viewport", {"width": 1440, "height": 900}), **options)
        pages.append(page)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                problems.append(request.url)
                if not request.url.startswith((tmp_path.as_uri(), "data:"))
                else None
            ),
        )
        page.goto(path.as_uri())
        return page

    yield open_html
    for page in pages:
        page.close()
    assert problems == []


@pytest.fixture
def call_open(open_page: Open, sound: bytes) -> Any:
    page = open_page(call_page(make_call(), playback=sound, peaks=[[0.2, 0.8, 0.4], [0.6, 0.1, 0.3]]))
    page.evaluate(  # the page's policy forbids wait_for_function, which evaluates text
        "new Promise(done => { const audio = document.querySelector('#audio');"
        " audio.readyState >= 1 ? done() : audio.addEventListener('loadedmetadata', () => done()); })"
    )
    return page


def now(page: Any) -> float:
    return float(page.evaluate("document.querySelector('#audio').currentTime"))


def current(page: Any) -> str:
    return str(page.evaluate("document.querySelector('.line.current')?.id ?? ''"))


def shown(page: Any) -> int:
    return int(page.locator(".lines > .line:visible").count())


def test_an_utterance_plays_from_its_start(call_open):
    call_open.locator("#u3 .text").click()
    assert now(call_open) == pytest.approx(3.5, abs=0.3)
    assert current(call_open) == "u3"
    assert not call_open.evaluate("document.querySelector('#audio').paused")


def test_the_time_button_does_the_same_from_the_keyboard(call_open):
    call_open.locator("#u3 button.at").press("Enter")
    assert now(call_open) == pytest.approx(3.5, abs=0.3)


def test_playing_moves_the_highlight(call_open):
    call_open.locator("#u3 .text").click()
    call_open.wait_for_selector("#u4.current", timeout=10_000)
    assert call_open.locator(".current").get_attribute("id") == "u4"


def test_moments_shifts_and_lowest_point_seek(call_open):
    for selector, seconds in (
        (".card.moment", 5.5),
        (".card.shift", 3.5),
        (".trigger .link", 2.5),
        (".gist .link", 5.5),
    ):
        call_open.locator(selector).first.click()
        assert now(call_open) == pytest.approx(seconds, abs=0.3), selector


def test_keys(call_open):
    paused = "document.querySelector('#audio').paused"
    call_open.keyboard.press("n")  # in order of time, not of severity
    assert now(call_open) == pytest.approx(3.5, abs=0.3)
    call_open.keyboard.press("n")
    assert now(call_open) == pytest.approx(5.5, abs=0.3)
    call_open.keyboard.press("p")
    assert now(call_open) == pytest.approx(3.5, abs=0.3)
    assert not call_open.evaluate(paused)
    call_open.keyboard.press(" ")
    assert call_open.evaluate(paused)
    at = int(current(call_open)[1:])
    call_open.keyboard.press("j")
    assert current(call_open) == f"u{at + 1}"
    call_open.keyboard.press("k")
    assert current(call_open) == f"u{at}"
    before = now(call_open)
    call_open.keyboard.press("ArrowRight")
    assert now(call_open) == pytest.approx(before + 5, abs=0.1)
    call_open.keyboard.press("ArrowLeft")
    assert now(call_open) == pytest.approx(before, abs=0.1)


def test_space_goes_on_meaning_play_after_a_click_on_a_button(call_open):
    call_open.locator(".card.moment").first.click()
    call_open.keyboard.press(" ")
    assert call_open.evaluate("document.querySelector('#audio').paused")


def test_keys_act_once_while_the_player_has_the_focus(call_open):
    call_open.locator("#audio").focus()
    call_open.keyboard.press("ArrowRight")
    assert now(call_open) == pytest.approx(5.0, abs=0.1)
    call_open.keyboard.press(" ")
    assert not call_open.evaluate("document.querySelector('#audio').paused")


def test_speed(call_open):
    call_open.get_by_role("button", name="Speed 1.5").click()
    assert call_open.evaluate("document.querySelector('#audio').playbackRate") == 1.5
    assert call_open.locator("[data-speed='1.5']").get_attribute("aria-pressed") == "true"


def test_filters_and_search(call_open):
    for name, n in (("negative", 2), ("flagged", 2), ("agent", 6), ("customer", 6)):
        call_open.locator(f"[data-filter={name}]").click()
        assert shown(call_open) == n, name
    call_open.keyboard.press("/")
    call_open.keyboard.type("DEAD AGAIN")  # any case, and across the mark of an unclear word
    assert shown(call_open) == 1
    assert call_open.locator("#found").inner_text() == "1 of 12"
    assert call_open.evaluate("[...CSS.highlights.get('found')].map(String)") == ["dead again"]
    call_open.keyboard.press("Escape")
    assert shown(call_open) == 6


def test_asking_for_a_hidden_utterance_shows_it_again(call_open):
    call_open.locator("[data-filter=agent]").click()
    call_open.locator(".card.moment").first.click()
    assert shown(call_open) == 12
    assert current(call_open) == "u5"


def test_the_chart_is_drawn_and_seeks(call_open):
    count = "s => document.querySelectorAll('#chart ' + s).length"
    assert call_open.evaluate(count, ".line.customer") == 1
    assert call_open.evaluate(count, ".line.agent") == 1
    assert call_open.evaluate(count, ".mark.customer") >= 4
    assert call_open.evaluate(count, ".turn-mark") == 2
    assert call_open.evaluate(count, ".flag") == 2
    assert call_open.evaluate(count, ".wave") == 2
    box = call_open.locator("#chart").bounding_box()
    call_open.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert 5 < now(call_open) < 8
    head = call_open.evaluate(
        "new DOMMatrix(getComputedStyle(document.querySelector('#chart .head')).transform).e"
    )
    assert head == pytest.approx(box["width"] / 2, abs=25)


BADGES = """() => [...document.querySelectorAll('#chart rect[data-moment]')].map((badge) => {
  const box = badge.getBoundingClientRect(), chart = badge.ownerSVGElement.getBoundingClientRect();
  return { left: box.left - chart.left, right: box.right - chart.left, rank: badge.nextSibling.textContent,
           width: chart.width };
})"""


@pytest.mark.parametrize(("width", "copies", "all_fit"), [(1440, 1, True), (375, 1, True), (375, 4, False)])
def test_badges_of_moments_close_to_each_other_stand_side_by_side(open_page, width, copies, all_fit):
    made = make_call()
    said = [made.utterances[i] for i in (3, 3, 4, 5, 5, 11, 11, 11, 0) * copies]
    flags = tuple(moment(u, 0.9 - 0.02 * n, f"Moment {n}.") for n, u in enumerate(said))
    page = open_page(
        call_page(replace(made, moments=flags), playback=None), viewport={"width": width, "height": 900}
    )
    badges = page.evaluate(BADGES)
    ranks = sorted(int(badge["rank"]) for badge in badges)
    assert ranks == list(range(1, len(ranks) + 1)), "the most severe have theirs"
    assert (len(badges) == len(flags)) == all_fit
    assert page.locator("#chart rect.flag").count() == len(flags), "the others have a mark"
    assert badges[0]["left"] >= 0
    assert badges[-1]["right"] <= badges[-1]["width"]
    for one, other in pairwise(badges):
        assert other["left"] > one["right"]


def test_a_badge_that_was_moved_aside_still_leads_to_its_moment(open_page):
    made = make_call()
    flags = tuple(moment(made.utterances[5], 0.9 - 0.1 * n, f"Moment {n}.") for n in range(6))
    html = call_page(replace(made, moments=flags), playback=None)
    page = open_page(html, viewport={"width": 375, "height": 900})
    for badge in page.locator("#chart rect[data-moment]").all():
        page.locator("#u0 .at").click()
        badge.click(force=True)
        assert current(page) == "u5"


def test_a_score_opens(call_open):
    call_open.locator("#u3 summary").click()
    call_open.locator("#u3 details").get_by_text("negative").wait_for()  # it is filled when it opens
    text = " ".join(call_open.locator("#u3 details").inner_text().split())
    assert "negative 0.80 neutral 0.20 positive 0.00" in text
    assert "anger 0.80" in text
    assert now(call_open) == 0, "reading a score does not move the player"


def test_dark_and_light(open_page):
    html = call_page(make_call(), playback=None)
    shades = []
    for scheme in ("light", "dark"):
        page = open_page(html, color_scheme=scheme)
        shades.append(
            page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        )
    assert min(shades[0]) > 240
    assert max(shades[1]) < 50


@pytest.mark.parametrize("timed", [True, False], ids=["call", "chat"])
def test_nothing_sticks_out_on_a_phone(open_page, sound, timed):
    html = call_page(make_call(timed=timed), playback=sound if timed else None)
    page = open_page(html, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_chat_is_walked_by_utterance(open_page):
    page = open_page(call_page(make_call(timed=False), playback=None))
    page.keyboard.press("n")
    assert current(page) == "u3"
    page.keyboard.press("n")
    assert current(page) == "u5"
    page.keyboard.press("k")
    assert current(page) == "u4"
    page.locator("#u1 .text").click()
    assert current(page) == "u1"


def test_text_that_looks_like_a_script_does_not_run(open_page, sound):
    call = make_call(call_id="<img src=x onerror=alert(1)>")
    text = "</script><script>alert(2)</script><img src=x onerror=alert(3)>"
    call = replace(call, utterances=tuple(replace(u, text=text, words=()) for u in call.utterances))
    page = open_page(call_page(call, playback=sound))
    page.mouse.move(800, 200)  # the chart's tip shows text too
    assert page.locator("#u3 .text").inner_text() == text


def test_a_recording_that_cannot_be_played_is_said(open_page):
    page = open_page(call_page(make_call(), playback=b"this is no MP3"))
    page.wait_for_selector("#audio-problem:visible")
    page.locator("#u3 .text").click()
    assert current(page) == "u3"


def test_thousands_of_utterances_stay_usable(open_page):
    said = tuple(utterance(i, TEXTS[i % 12], (i % 21) / 10 - 1) for i in range(3000))
    page = open_page(call_page(Call(id="long", duration_ms=3_001_000, utterances=said), playback=None))
    page.locator("#search").fill("cancel")
    assert shown(page) == 250
    page.locator("#search").fill("")
    page.evaluate("document.querySelector('#u2900 button.at').click()")
    sync_api.expect(page.locator("#u2900")).to_be_in_viewport(ratio=1)


def test_the_overview_sorts_filters_and_leads_to_the_call(open_page, tmp_path):
    calls = [
        make_call(call_id="b"),
        replace(make_call(call_id="a"), moments=()),
        make_call(call_id="call 10"),
    ]
    for call in calls:
        (tmp_path / f"{call.id}.html").write_text(call_page(call, playback=None), encoding="utf-8")
    rows = [summarise(call) for call in calls]
    rows[2] = replace(rows[2], peak_intensity=0.1, duration_ms=None)
    page = open_page(index_page(rows, [Failure(name="z.wav", error="z.wav: empty")]), name="index.html")
    order = "[...document.querySelectorAll('#calls tbody tr')].map(row => row.dataset.id)"
    assert page.evaluate(order) == ["b", "call 10", "a"]
    page.get_by_role("button", name="Call", exact=True).click()
    assert page.evaluate(order) == ["a", "b", "call 10"]
    page.get_by_role("button", name="Peak").click()
    assert page.evaluate(order)[-1] == "call 10"
    page.get_by_role("button", name="Peak").click()
    assert page.evaluate(order)[0] == "call 10"
    page.get_by_role("button", name="Length").click()
    assert page.evaluate(order)[-1] == "call 10", "an unknown length comes last"
    assert page.get_by_text("z.wav: empty").is_visible()
    page.locator("#search").fill("call 1")
    assert page.locator("#calls tbody tr:visible").count() == 1
    page.get_by_role("link", name="call 10").click()
    assert page.locator("h1").inner_text() == "call 10"
