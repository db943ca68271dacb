// Memory over time with axes: the process's own lines, its limit, and the spikes. Drawn in pixels, so that texts have one
// size at every width.

const { timeline, axes, moments, spike_texts: spikeTexts } = page.data;

const HEIGHT = 250;
const LINE = 15;
// The width of a character in pixels, for texts of 12 pixels.
const LETTER = 6.8;

const lines = () => {
  const of = (field) => timeline.moments.map((it) => it[field]);
  return [
    ["value", timeline.header.sample, timeline.moments.map((it) => it.value.value), "var(--live)"],
    ["rss", "resident", of("rss_bytes"), "var(--resident)"],
    ["used", "control group", of("cgroup_used_bytes"), "var(--used)"],
    ["limit", "limit", of("cgroup_limit_bytes"), "var(--limit)"],
  ].filter(([, , values]) => values.some((it) => it !== null));
};

const scaleOf = (width) => {
  const times = timeline.moments.map((it) => it.time_ns);
  const [first, span] = [times[0], Math.max(1, times.at(-1) - times[0])];
  const narrow = width < 560;
  const left = 12 + LETTER * Math.max(...axes.values.map(([, text]) => text.length));
  const right = narrow ? 12 : 24 + LETTER * Math.max(...lines().map(([, name]) => name.length));
  const [top, bottom] = [2 * LINE + 4, HEIGHT - 24];
  const inner = Math.max(1, width - left - right);
  return {
    left, top, bottom, narrow,
    end: left + inner,
    time: (ns) => left + (inner * (ns - first)) / span,
    x: (at) => left + (inner * (times[at] - first)) / span,
    y: (value) => bottom - ((bottom - top) * value) / axes.most,
    has: (values) => values.every((it) => it === null || it <= axes.most),
  };
};

// Places for texts near these positions that do not overlap: each at least a line below the one before it.
const apart = (wanted, low, high) => {
  const places = wanted.map((y, at) => ({ y, at })).sort((a, b) => a.y - b.y);
  let next = low;
  for (const it of places) next = (it.y = Math.max(it.y, next)) + LINE;
  let limit = high;
  for (const it of [...places].reverse()) limit = (it.y = Math.min(it.y, limit)) - LINE;
  return places.sort((a, b) => a.at - b.at).map((it) => it.y);
};

const drawAxes = (svg, scale) => {
  for (const [value, text] of axes.values) {
    const y = scale.y(value);
    svg.append(page.make("line", { class: "mark", x1: scale.left, x2: scale.end, y1: y, y2: y }));
    svg.append(page.make("text", { x: scale.left - 8, y: y + 4, "text-anchor": "end" }, text));
  }
  let free = -Infinity;
  for (const [ns, text] of axes.times) {
    const half = (LETTER * text.length) / 2;
    const x = Math.min(Math.max(scale.time(ns), half), scale.end + 8 - half);
    if (x - half < free) continue;
    free = x + half + 12;
    svg.append(page.make("line", { class: "mark", x1: scale.time(ns), x2: scale.time(ns), y1: scale.bottom, y2: scale.bottom + 5 }));
    svg.append(page.make("text", { x, y: scale.bottom + 18, "text-anchor": "middle" }, text));
  }
};

const drawLines = (svg, scale, drawn) => {
  const points = (values) => values.flatMap((value, at) => (value === null ? [] : [`${scale.x(at)},${scale.y(value)}`]));
  const [, , own] = drawn.find(([name]) => name === "value") ?? [];
  if (own) {
    const outline = [...points(own), `${scale.end},${scale.bottom}`, `${scale.left},${scale.bottom}`];
    svg.append(page.make("polygon", { class: "fill", points: outline.join(" ") }));
  }
  for (const [name, , values, stroke] of [...drawn].reverse()) {
    svg.append(page.make("polyline", {
      fill: "none", stroke, "data-line": name, points: points(values).join(" "),
      "stroke-width": name === "value" ? 2.6 : 1.6,
      "stroke-dasharray": name === "limit" ? "6 4" : undefined,
    }));
  }
};

const drawNames = (svg, scale, drawn) => {
  const last = (values) => values.findLast((it) => it !== null);
  if (scale.narrow) {
    let x = scale.left;
    for (const [, name, , stroke] of drawn) {
      const text = page.make("text", { class: "direct", x, y: 12 }, `━ ${name}`);
      text.style.fill = stroke;
      svg.append(text);
      x += LETTER * (name.length + 4);
    }
    return;
  }
  const places = apart(drawn.map(([, , values]) => scale.y(last(values)) + 4), LINE, scale.bottom);
  drawn.forEach(([, name, , stroke], at) => {
    const text = page.make("text", { class: "direct", x: scale.end + 8, y: places[at] }, name);
    text.style.fill = stroke;
    svg.append(text);
  });
};

const drawSpikes = (svg, scale) => {
  let free = -Infinity;
  timeline.spikes.spikes.forEach((spike, at) => {
    const x = scale.x(spike.peak);
    const text = `spike: ${spikeTexts[at]}`;
    svg.append(page.make("line", { class: "mark", x1: x, x2: x, y1: scale.top - 4, y2: scale.bottom, "stroke-dasharray": "2 3" }));
    svg.append(page.make("circle", { class: "spike", cx: x, cy: scale.top - 8, r: 4 }, page.make("title", {}, text)));
    const from = Math.min(x + 8, scale.end - LETTER * text.length);
    if (from < free || scale.narrow) return;
    free = from + LETTER * text.length + 12;
    svg.append(page.make("text", { class: "spike", x: from, y: scale.top - 14 }, text));
  });
};

page.showTimeline = () => {
  const place = page.byId("timeline");
  const width = Math.max(240, Math.floor(place.clientWidth));
  const all = lines();
  const scale = scaleOf(width);
  const drawn = all.filter(([, , values]) => scale.has(values));
  const svg = page.make("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": "Memory over time" });
  drawAxes(svg, scale);
  drawLines(svg, scale, drawn);
  drawSpikes(svg, scale);
  const now = scale.x(moments[page.state.at]);
  svg.append(page.make("line", { id: "now", x1: now, x2: now, y1: scale.top, y2: scale.bottom, stroke: "var(--ink)", "stroke-width": 1.4 }));
  drawNames(svg, scale, drawn);
  const above = all.filter((it) => !drawn.includes(it)).map(([, name]) => name);
  const note = above.length > 0 ? [page.make("p", { class: "faint" }, `${above.join(" and ")}: far above, not drawn; the values are beside the slider`)] : [];
  place.replaceChildren(svg, ...note);
};

// A click on the lines moves the slider to the nearest snapshot.
page.byId("timeline").addEventListener("click", (event) => {
  const svg = event.target.closest("svg");
  if (!svg) return;
  const x = event.clientX - svg.getBoundingClientRect().left;
  const scale = scaleOf(svg.getBoundingClientRect().width);
  const away = (at) => Math.abs(scale.x(moments[at]) - x);
  page.choose({ at: moments.reduce((best, _, at) => (away(at) < away(best) ? at : best), 0) });
});
