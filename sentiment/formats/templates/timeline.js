"use strict";
// The timeline: polarity of each party, intensity, voices, shifts and moments over the whole call.
// Positions are milliseconds or, in a conversation without times, utterance indices.
function timeline({ svg, tip, data, textOf, utteranceAt, onPick }) {
  const STEPS = ["n4", "n3", "n2", "n1", "z", "p1", "p2", "p3", "p4"];
  const RIGHT = 8, FLAGS = 26, AXIS = 16;
  const BADGE = 17, APART = 19; // the width of a badge, and the least distance from one badge to the next
  const solid = (style) => style === "customer" || style === "first";
  let gutter = 58; // the lane names need room; on a narrow screen they are cut short
  let scale = null; // set by draw(): { x(position), position(x), width }
  let head = null, knob = null, hair = null;
  let position = null; // where the head stands

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
    gutter = width < 600 ? 34 : 58;
    const waves = data.peaks.length ? 34 : 0, energy = 26;
    const top = FLAGS + 4, bottom = height - AXIS - waves - energy - 10;
    const x = (position) => gutter + (position / data.length) * (width - gutter - RIGHT);
    const y = (polarity) => top + ((1 - polarity) / 2) * (bottom - top);
    scale = { x, position: (px) => ((px - gutter) / (width - gutter - RIGHT)) * data.length, width };
    svg.replaceChildren();
    svg.classList.toggle("many", data.utterances.length > (width - gutter) / 2.5);
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
    placeHead(position);
  }

  function drawFrame(x, y, width, height, bottom, energy, waves) {
    for (const [value, label] of [[1, "+1"], [0, "0"], [-1, "−1"]]) {
      add("path", { class: value ? "grid" : "axis", d: `M${gutter} ${y(value)}H${width - RIGHT}` });
      add("text", { x: gutter - 6, y: y(value) + 4, "text-anchor": "end" }, label);
    }
    add("path", { class: "grid", d: `M${gutter} ${bottom + 8 + energy}H${width - RIGHT}` });
    add("text", { x: gutter - 6, y: bottom + 5 + energy, "text-anchor": "end" }, gutter < 50 ? "int." : "intensity").append(titled("Intensity of the customer's words, 0 to 1"));
    if (waves) add("text", { x: gutter - 6, y: height - AXIS - waves / 2 + 4, "text-anchor": "end" }, "voice");
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
    const shown = data.moments.filter((moment) => place(moment) !== undefined);
    for (const moment of shown) {
      const left = x(place(moment)), right = data.timed && moment.end !== null ? x(moment.end) : left + 3;
      add("path", { class: "band", d: `M${left} ${FLAGS}H${Math.max(right, left + 3)}V${floor}H${left}Z` });
    }
    // The most severe have a badge, as many as there is room for; the others a mark at their place.
    const low = gutter - BADGE / 2, high = scale.width - BADGE - 1, room = Math.floor((high - low) / APART) + 1;
    for (const moment of shown.slice(room)) add("rect", { class: "flag", x: x(place(moment)) - 1, y: FLAGS - 4, width: 2, height: 5 });
    const badged = shown.slice(0, room).sort((a, b) => place(a) - place(b) || a.rank - b.rank);
    spread(badged.map((moment) => x(place(moment)) - 1), low, high).forEach((left, i) => {
      const moment = badged[i], index = data.moments.indexOf(moment);
      add("path", { class: "lead", d: `M${left + BADGE / 2} 16L${x(place(moment))} ${FLAGS}` });
      add("rect", { class: "flag", x: left, y: 1.5, width: BADGE, height: 15, rx: 3, "data-moment": index });
      add("text", { x: left + BADGE / 2, y: 13.5, "data-moment": index }, moment.rank);
    });
  }

  // Moves what stands closer than APART off from each other, and all to between low and high, each as
  // little as may be: neighbours that touch move as one, to where their mean is.
  function spread(wanted, low, high) {
    const groups = [];
    wanted.forEach((at, i) => {
      let group = { sum: at - i * APART, n: 1 };
      while (groups.length && groups.at(-1).sum / groups.at(-1).n >= group.sum / group.n) {
        const before = groups.pop();
        group = { sum: before.sum + group.sum, n: before.n + group.n };
      }
      groups.push(group);
    });
    const last = high - (wanted.length - 1) * APART;
    return groups.flatMap(({ sum, n }) => Array(n).fill(Math.max(low, Math.min(last, sum / n)))).map((at, i) => at + i * APART);
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
      const n = Math.min(values.length, Math.floor(scale.width - gutter)), ridge = [];
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

  function placeHead(at) { // null hides it
    position = at;
    if (!scale) return;
    for (const node of [head, knob]) {
      node.setAttribute("visibility", at === null ? "hidden" : "visible");
      if (at !== null) node.setAttribute("transform", `translate(${scale.x(Math.min(at, data.length))} 0)`);
    }
  }

  function clock(ms) {
    const s = Math.floor(ms / 1000), pad = (v) => String(v).padStart(2, "0");
    return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
  }

  const within = (event) => Math.max(0, Math.min(data.length, scale.position(event.clientX - svg.getBoundingClientRect().left)));
  const under = (at) => (data.timed ? utteranceAt(at) : Math.min(data.length - 1, Math.floor(at)));

  svg.addEventListener("click", (event) => {
    const moment = data.moments[event.target.dataset?.moment]; // a badge may stand beside its place
    const at = moment ? Math.min(place(moment), data.length) : within(event);
    if (scale) onPick(at, moment?.utterance ?? under(at));
  });

  svg.addEventListener("pointermove", (event) => {
    if (!scale || event.pointerType === "touch") return;
    const at = within(event), i = under(at), u = data.utterances[i];
    hair.setAttribute("d", `M${scale.x(at)} ${FLAGS}V${svg.clientHeight - AXIS}`);
    hair.setAttribute("visibility", "visible");
    if (!u) return;
    const value = u.polarity === null ? "not scored" : `${u.polarity > 0 ? "+" : u.polarity < 0 ? "−" : ""}${Math.abs(u.polarity).toFixed(2)}`;
    const text = textOf(i);
    tip.textContent = `${data.timed ? clock(at) : `#${i + 1}`}  ${data.parties[u.party].name} ${value}  ${text.length > 130 ? text.slice(0, 130) + "…" : text}`;
    tip.hidden = false;
    const box = svg.getBoundingClientRect(), left = event.clientX - box.left;
    tip.style.left = `${Math.max(0, Math.min(left + 12, box.width - tip.offsetWidth))}px`;
    tip.style.top = `${svg.offsetTop + svg.clientHeight + 4}px`;
  });

  svg.addEventListener("pointerleave", () => { tip.hidden = true; hair?.setAttribute("visibility", "hidden"); });

  return { draw, placeHead };
}
