"use strict";
// One call: draws the timeline, keeps player, timeline and transcript together, filters, searches.
(() => {
  const $ = (selector) => document.querySelector(selector);
  const data = JSON.parse($("#data").textContent);
  const audio = $("#audio");
  const lines = [...document.querySelectorAll(".lines > .line")];
  const cards = [...document.querySelectorAll(".card.moment")];
  const playable = Boolean(audio);
  const order = data.utterances.map((_, i) => i).filter((i) => data.utterances[i].start !== null)
    .sort((a, b) => data.utterances[a].start - data.utterances[b].start);
  let current = -1;      // index of the highlighted utterance
  let scrolledAt = -1e9; // when the reader last scrolled by hand

  // -- where we are --------------------------------------------------------------------------

  const nowMs = () => (playable ? audio.currentTime * 1000 : data.utterances[current]?.start ?? 0);

  function utteranceAt(ms) { // the latest begun that still goes on, else the latest begun
    let last = -1, open = -1;
    for (const i of order) {
      if (data.utterances[i].start > ms + 20) break;
      last = i;
      if (data.utterances[i].end > ms) open = i;
    }
    return open >= 0 ? open : last;
  }

  const chart = timeline({
    svg: $("#chart"), tip: $("#tip"), data, utteranceAt, textOf: (i) => texts[i].textContent,
    onPick: (position, index) => (playable && data.timed ? seek(position, !audio.paused) : show(index, true)),
  });

  function placeHead() {
    if (playable && data.timed) chart.placeHead(nowMs());
    else chart.placeHead(current < 0 ? null : data.timed ? data.utterances[current].start : current + 0.5);
  }

  function show(index, scroll) {
    if (index !== current) {
      lines[current]?.classList.remove("current");
      lines[current]?.removeAttribute("aria-current");
      lines[index]?.classList.add("current");
      lines[index]?.setAttribute("aria-current", "true");
      current = index;
    }
    if (scroll) reveal(lines[index]);
    placeHead();
  }

  function reveal(line) {
    if (!line || line.hidden) return;
    const stage = $(".stage"), sticky = getComputedStyle(stage).position === "sticky";
    const top = sticky ? stage.offsetHeight : 0;
    const { top: y, bottom } = line.getBoundingClientRect();
    if (y >= top && bottom <= innerHeight - 100) return;
    const far = Math.abs(y) > 2 * innerHeight || matchMedia("(prefers-reduced-motion: reduce)").matches;
    line.scrollIntoView({ block: "start", behavior: far ? "instant" : "smooth" });
    if (far) requestAnimationFrame(() => line.scrollIntoView({ block: "start", behavior: "instant" }));
  }

  function seek(ms, play) {
    audio.currentTime = Math.max(0, ms) / 1000;
    if (play) audio.play().catch(() => {});
    show(utteranceAt(ms), true);
  }

  function goTo(index, play) {
    unhide(index);
    const start = data.utterances[index]?.start ?? null;
    if (playable && start !== null) seek(start, play);
    show(index, true);
  }

  function follow(element, play) { // what carries data-seek: a time, an utterance or both
    const { ms, utterance } = element.dataset;
    if (utterance !== undefined) unhide(Number(utterance));
    if (ms !== undefined && playable) seek(Number(ms), play);
    if (utterance !== undefined) show(Number(utterance), true);
    else if (ms !== undefined && !playable) show(utteranceAt(Number(ms)), true);
  }

  // -- clicks --------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button"), line = event.target.closest(".lines > .line");
    if (event.detail > 0 && button) button.blur(); // so that space goes on meaning play, not press again
    const moment = moments.find((m) => m.card === button);
    if (moment) return visit(moment);
    if (button?.hasAttribute("data-seek")) return follow(button, true);
    if (button?.dataset.speed) return setSpeed(button);
    if (button?.dataset.filter) return setFilter(button);
    if (line && !event.target.closest("details, button, a") && getSelection().isCollapsed) goTo(lines.indexOf(line), true);
  });

  function press(button) {
    for (const other of button.parentElement.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
  }

  function setSpeed(button) {
    audio.playbackRate = Number(button.dataset.speed);
    press(button);
  }

  document.addEventListener("toggle", (event) => { // a score's details are made when first asked for
    const index = lines.indexOf(event.target.closest(".line"));
    if (index < 0 || event.target.querySelector(".more")) return;
    const more = event.target.appendChild(document.createElement("div"));
    more.className = "more";
    more.append(...data.utterances[index].details.map(table));
  }, true);

  function table(pairs) {
    const list = document.createElement("dl");
    for (const [name, p] of pairs) {
      const row = list.appendChild(document.createElement("div"));
      row.appendChild(document.createElement("dt")).textContent = name;
      row.appendChild(document.createElement("dd")).textContent = p.toFixed(2);
      const meter = row.insertBefore(document.createElement("meter"), row.lastChild);
      meter.value = p;
      meter.setAttribute("aria-hidden", "true");
    }
    return list;
  }

  // -- filter and search ---------------------------------------------------------------------

  const KEEP = {
    all: () => true,
    customer: (line) => line.dataset.role === "customer",
    agent: (line) => line.dataset.role === "agent",
    negative: (line) => "negative" in line.dataset,
    flagged: (line) => "flagged" in line.dataset,
  };
  const search = $("#search"), found = $("#found");
  const texts = lines.map((line) => line.querySelector(".text"));
  let filter = "all";

  function setFilter(button) {
    filter = button.dataset.filter;
    press(button);
    sift();
  }

  function unhide(index) { // whoever asks for an utterance gets it, with what stands around it
    if (!lines[index]?.hidden) return;
    search.value = "";
    setFilter($('[data-filter="all"]'));
  }

  function sift() {
    const wanted = search.value.trim().toLowerCase();
    const ranges = [];
    let n = 0;
    lines.forEach((line, i) => {
      const at = wanted ? texts[i].textContent.toLowerCase().indexOf(wanted) : 0;
      line.hidden = !(KEEP[filter](line) && at >= 0);
      if (line.hidden) return;
      n += 1;
      if (wanted) ranges.push(...matches(texts[i], wanted));
    });
    found.textContent = wanted || filter !== "all" ? `${n} of ${lines.length}` : "";
    if (window.Highlight && CSS.highlights) CSS.highlights.set("found", new Highlight(...ranges));
  }

  function matches(element, wanted) { // every occurrence, also across the marks of doubtful words
    const text = element.textContent.toLowerCase(), ranges = [];
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(...spot(element, at));
      range.setEnd(...spot(element, at + wanted.length));
      ranges.push(range);
    }
    return ranges;
  }

  function spot(element, offset) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (offset <= node.length) return [node, offset];
      offset -= node.length;
    }
    return [element, element.childNodes.length];
  }

  search.addEventListener("input", sift);

  // -- keys ----------------------------------------------------------------------------------

  function step(by) {
    let i = current + by;
    while (lines[i]?.hidden) i += by;
    if (lines[i]) goTo(i, playable && !audio.paused);
  }

  const moments = data.moments.map((m, i) => ({ card: cards[i], at: m.start ?? data.utterances[m.utterance]?.start ?? m.utterance ?? 0 }))
    .sort((a, b) => a.at - b.at);
  const here = () => (data.timed ? nowMs() : current);
  let visited = null; // the moment gone to last, so that two at one time can both be reached

  function stepMoment(by) {
    const now = here(), known = moments.indexOf(visited);
    const next = known >= 0 && Math.abs(moments[known].at - now) < 3000 * data.timed + 0.5 ? moments[known + by]
      : by > 0 ? moments.find((m) => m.at > now + 50 * data.timed)
      : moments.findLast((m) => m.at < now - 1000 * data.timed);
    if (!next) return;
    visit(next);
    next.card.scrollIntoView({ block: "nearest" });
  }

  function visit(moment) {
    visited = moment;
    for (const card of cards) card.classList.toggle("current", card === moment.card);
    follow(moment.card, true);
  }

  const KEYS = {
    " ": () => playable && (audio.paused ? audio.play().catch(() => {}) : audio.pause()),
    j: () => step(1),
    k: () => step(-1),
    n: () => stepMoment(1),
    p: () => stepMoment(-1),
    ArrowLeft: () => playable && seek(nowMs() - 5000, false),
    ArrowRight: () => playable && seek(nowMs() + 5000, false),
    "/": () => search.focus(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Escape") { search.value = ""; sift(); search.blur(); }
      return;
    }
    if (event.key === " " && event.target.closest("button, summary, a")) return; // they mean it themselves
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }, true);

  // -- the player ----------------------------------------------------------------------------

  if (playable) {
    $("#audio-slot").append(audio);
    const tick = () => {
      placeHead();
      const index = utteranceAt(nowMs());
      if (index !== current) show(index, performance.now() - scrolledAt > 5000);
      if (!audio.paused) requestAnimationFrame(tick);
    };
    audio.addEventListener("play", tick);
    audio.addEventListener("seeked", placeHead);
    audio.addEventListener("timeupdate", () => audio.paused && placeHead());
    audio.addEventListener("error", () => {
      $("#audio-problem").hidden = false;
      for (const control of document.querySelectorAll("#audio-slot, .speeds")) control.hidden = true;
    });
    for (const kind of ["wheel", "touchmove"]) addEventListener(kind, () => { scrolledAt = performance.now(); }, { passive: true });
  }

  new ResizeObserver(() => {
    chart.draw();
    placeHead();
    document.documentElement.style.setProperty("--stage", `${getComputedStyle($(".stage")).position === "sticky" ? $(".stage").offsetHeight : 0}px`);
  }).observe($("#chart"));
})();
