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
    if (y >= top && bottom <= innerHeight - 70) return;
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
    visited = next;
    cards.forEach((card) => card.classList.toggle("current", card === next.card));
    next.card.scrollIntoView({ block: "nearest" });
    follow(next.card, true);
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
    audio.addEventListener("error", () => { $("#audio-problem").hidden = false; });
    for (const kind of ["wheel", "touchmove"]) addEventListener(kind, () => { scrolledAt = performance.now(); }, { passive: true });
  }

  // -- the timeline --------------------------------------------------------------------------

  const svg = $("#chart"), tip = $("#tip");
  const STEPS = ["n4", "n3", "n2", "n1", "z", "p1", "p2", "p3", "p4"];
  const RIGHT = 8, FLAGS = 20, AXIS = 16;
  const solid = (style) => style === "customer" || style === "first";
  let LEFT = 58;      // the lane names need room; on a narrow screen they are cut short
  let scale = null;   // set by draw(): { x(position), position(x), top, bottom }
  let head = null, knob = null, hair = null;

  function add(name, attributes, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    svg.append(node);
    return node;
  }

  const span = (i) => (data.timed ? [data.utterances[i].start, data.utterances[i].end] : [i + 0.3, i + 0.7]);
  const middle = (i) => (span(i)[0] + span(i)[1]) / 2;
  const place = (thing) => (data.timed ? thing.start ?? data.utterances[thing.utterance]?.start : (thing.utterance ?? 0) + 0.5);

  function draw() {
    const width = svg.clientWidth, height = svg.clientHeight;
    if (!width || !data.length) return;
    LEFT = width < 600 ? 34 : 58;
    const waves = data.peaks.length ? 34 : 0, energy = 26;
    const top = FLAGS + 4, bottom = height - AXIS - waves - energy - 10;
    const x = (position) => LEFT + (position / data.length) * (width - LEFT - RIGHT);
    const y = (polarity) => top + ((1 - polarity) / 2) * (bottom - top);
    scale = { x, position: (px) => ((px - LEFT) / (width - LEFT - RIGHT)) * data.length, width };
    svg.replaceChildren();
    svg.classList.toggle("many", data.utterances.length > (width - LEFT) / 2.5);
    drawFrame(x, y, width, height, bottom, energy, waves);
    drawMoments(x, y, bottom + energy + 8);
    if (waves) drawWaves(x, height - AXIS - waves / 2, waves / 2 - 2);
    drawIntensity(x, bottom + 8 + energy, energy);
    drawShifts(x, y);
    data.parties.map((_, i) => i).sort((a, b) => solid(data.parties[a].style) - solid(data.parties[b].style))
      .forEach((party) => drawParty(party, x, y));
    hair = add("path", { class: "hair", d: "", visibility: "hidden" });
    head = add("path", { class: "head", d: `M0 ${FLAGS}V${height - AXIS}` });
    knob = add("circle", { class: "head-knob", cy: FLAGS, r: 4 });
    placeHead();
  }

  function drawFrame(x, y, width, height, bottom, energy, waves) {
    for (const [value, label] of [[1, "+1"], [0, "0"], [-1, "−1"]]) {
      add("path", { class: value ? "grid" : "axis", d: `M${LEFT} ${y(value)}H${width - RIGHT}` });
      add("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, label);
    }
    add("path", { class: "grid", d: `M${LEFT} ${bottom + 8 + energy}H${width - RIGHT}` });
    add("text", { x: LEFT - 6, y: bottom + 5 + energy, "text-anchor": "end" }, LEFT < 50 ? "int." : "intensity").append(titled("Intensity of the customer's words, 0 to 1"));
    if (waves) add("text", { x: LEFT - 6, y: height - AXIS - waves / 2 + 4, "text-anchor": "end" }, "voice");
    for (const at of ticks(width)) {
      const px = x(data.timed ? at : at + 0.5);
      add("text", { x: px, y: height - 3, "text-anchor": data.timed && !at ? "start" : "middle" }, data.timed ? clock(at) : `#${at + 1}`);
      add("path", { class: "grid", d: `M${px} ${height - AXIS}v3` });
    }
  }

  function titled(text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", "title");
    node.textContent = text;
    return node;
  }

  function ticks(width) {
    const steps = data.timed ? [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].map((s) => s * 1000) : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
    const step = steps.find((s) => data.length / s <= width / 70) ?? steps.at(-1);
    return Array.from({ length: Math.floor((data.length - (data.timed ? 0 : 1)) / step) + 1 }, (_, i) => i * step)
      .filter((at) => scale.x(at) < width - 16);
  }

  function drawMoments(x, y, floor) {
    const taken = [];
    for (const moment of data.moments) {
      const at = place(moment);
      if (at === undefined) continue;
      const left = x(at), right = data.timed && moment.end !== null ? x(moment.end) : left + 3;
      add("path", { class: "band", d: `M${left} ${FLAGS}H${Math.max(right, left + 3)}V${floor}H${left}Z` });
      const free = taken.every((other) => Math.abs(other - left) > 17);
      if (free) taken.push(left);
      add("rect", free ? { class: "flag", x: left - 1, y: 2, width: 15, height: 15, rx: 3 } : { class: "flag", x: left - 1, y: 13, width: 2, height: 5 });
      if (free) add("text", { x: left + 6.5, y: 13.5 }, moment.rank);
    }
  }

  function drawShifts(x, y) {
    for (const shift of data.shifts) {
      const at = x(place(shift)), up = shift.direction === "better";
      add("path", { class: "turn", d: `M${at} ${y(1)}V${y(-1)}` });
      const tipY = up ? y(1) - 3 : y(-1) + 3, base = up ? tipY + 9 : tipY - 9;
      add("path", { class: `turn-mark ${shift.direction}`, d: `M${at} ${tipY}L${at + 5.5} ${base}H${at - 5.5}Z` }).append(titled(shift.title));
    }
  }

  function drawIntensity(x, floor, tall) {
    const known = data.parties.some((p) => p.style === "customer");
    let d = "";
    data.utterances.forEach((u, i) => {
      const style = data.parties[u.party].style;
      if (u.intensity === null || (known ? style !== "customer" : style === "ivr")) return;
      const [a, b] = span(i).map(x);
      d += `M${a} ${floor}V${floor - u.intensity * tall}H${Math.max(b, a + 1)}V${floor}Z`;
    });
    add("path", { class: "energy", d });
  }

  function drawWaves(x, axis, tall) {
    for (const { party, values } of data.peaks) {
      const style = party === null ? "customer" : data.parties[party].style;
      const up = party === null || solid(style), down = party === null || !up;
      const n = Math.min(values.length, Math.floor(scale.width - LEFT)), ridge = [];
      for (let i = 0; i < n; i++) {
        const from = Math.floor((i * values.length) / n), to = Math.max(from + 1, Math.floor(((i + 1) * values.length) / n));
        ridge.push([x(((i + 0.5) / n) * data.length).toFixed(1), Math.max(...values.slice(from, to)) * tall]);
      }
      const edge = (sign) => ridge.map(([px, h]) => `L${px} ${(axis + sign * h).toFixed(1)}`).join("");
      add("path", { class: `wave ${style}`, d: `M${x(0)} ${axis}${up ? edge(-1) : ""}L${x(data.length)} ${axis}${down ? `M${x(0)} ${axis}${edge(1)}L${x(data.length)} ${axis}` : ""}` });
    }
  }

  function drawParty(party, x, y) {
    const style = data.parties[party].style;
    const mine = data.utterances.flatMap((u, i) => (u.party === party && u.polarity !== null ? [i] : []));
    const marks = new Map();
    for (const i of mine) {
      const p = data.utterances[i].polarity, [a, b] = span(i).map(x), py = y(p).toFixed(1);
      const tone = STEPS[Math.round(Math.max(-1, Math.min(1, p)) * 4) + 4];
      const right = Math.max(b, a + 0.01);
      const shape = solid(style) ? `M${a.toFixed(1)} ${py}H${right.toFixed(2)}` : `M${(a - 1).toFixed(1)} ${(py - 3).toFixed(1)}H${Math.max(right, a + 5).toFixed(1)}v6H${(a - 1).toFixed(1)}Z`;
      marks.set(tone, (marks.get(tone) ?? "") + shape);
    }
    const mean = runningMean(mine.map((i) => data.utterances[i].polarity));
    if (mean.length > 2) add("path", { class: `line ${style}`, d: "M" + mine.map((i, at) => `${x(middle(i)).toFixed(1)} ${y(mean[at]).toFixed(1)}`).join("L") });
    for (const [tone, d] of marks) add("path", { class: `mark ${style} ${tone}`, d });
  }

  function runningMean(values) { // triangular weights over the neighbouring utterances of the same party
    const reach = Math.max(2, Math.round(values.length / 40));
    return values.map((_, at) => {
      let sum = 0, weight = 0;
      for (let k = Math.max(0, at - reach); k <= Math.min(values.length - 1, at + reach); k++) {
        const w = reach + 1 - Math.abs(k - at);
        sum += w * values[k];
        weight += w;
      }
      return sum / weight;
    });
  }

  function placeHead() {
    if (!scale || !head) return;
    const shown = playable || current >= 0;
    const at = scale.x(playable && data.timed ? Math.min(nowMs(), data.length) : current >= 0 ? span(current)[0] : 0);
    for (const node of [head, knob]) {
      node.setAttribute("transform", `translate(${at} 0)`);
      node.setAttribute("visibility", shown ? "visible" : "hidden");
    }
  }

  function clock(ms) {
    const s = Math.floor(ms / 1000), pad = (v) => String(v).padStart(2, "0");
    return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
  }

  const within = (event) => Math.max(0, Math.min(data.length, scale.position(event.clientX - svg.getBoundingClientRect().left)));
  const under = (position) => (data.timed ? utteranceAt(position) : Math.min(lines.length - 1, Math.floor(position)));

  svg.addEventListener("click", (event) => {
    if (!scale) return;
    const position = within(event);
    if (playable && data.timed) seek(position, !audio.paused);
    else show(under(position), true);
  });

  svg.addEventListener("pointermove", (event) => {
    if (!scale || event.pointerType === "touch") return;
    const position = within(event), i = under(position), u = data.utterances[i];
    hair.setAttribute("d", `M${scale.x(position)} ${FLAGS}V${svg.clientHeight - AXIS}`);
    hair.setAttribute("visibility", "visible");
    if (!u) return;
    const value = u.polarity === null ? "not scored" : `${u.polarity > 0 ? "+" : u.polarity < 0 ? "−" : ""}${Math.abs(u.polarity).toFixed(2)}`;
    const text = texts[i].textContent;
    tip.textContent = `${data.timed ? clock(position) : `#${i + 1}`}  ${data.parties[u.party].name} ${value}  ${text.length > 130 ? text.slice(0, 130) + "…" : text}`;
    tip.hidden = false;
    const box = svg.getBoundingClientRect(), left = event.clientX - box.left;
    tip.style.left = `${Math.max(0, Math.min(left + 12, box.width - tip.offsetWidth))}px`;
    tip.style.top = `${svg.offsetTop + svg.clientHeight + 4}px`;
  });

  svg.addEventListener("pointerleave", () => { tip.hidden = true; hair?.setAttribute("visibility", "hidden"); });

  new ResizeObserver(() => {
    draw();
    document.documentElement.style.setProperty("--stage", `${getComputedStyle($(".stage")).position === "sticky" ? $(".stage").offsetHeight : 0}px`);
  }).observe(svg);
})();
