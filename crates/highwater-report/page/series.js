// A series: memory over time, the slider through it, and the behaviour of every row.

const { timeline, trend, snapshots, moments } = page.data;

const WIDTH = 900;
const HEIGHT = 180;
const EDGE = 6;

const polyline = (values, scale, attributes) => {
  const points = values.flatMap((value, at) => (value === null ? [] : [`${scale.x(at)},${scale.y(value)}`]));
  return points.length === 0 ? "" : page.make("polyline", { fill: "none", "stroke-width": 1.6, points: points.join(" "), ...attributes });
};

const lines = () => {
  const of = (field) => timeline.moments.map((it) => it[field]);
  return [
    ["value", timeline.header.sample, timeline.moments.map((it) => it.value.value), "var(--accent)"],
    ["rss", "resident", of("rss_bytes"), "var(--faint)"],
    ["used", "cgroup", of("cgroup_used_bytes"), "var(--blue)"],
    ["limit", "limit", of("cgroup_limit_bytes"), "var(--red)"],
  ].filter(([, , values]) => values.some((it) => it !== null));
};

const scaleOf = (all) => {
  const times = timeline.moments.map((it) => it.time_ns);
  const [first, last] = [times[0], times[times.length - 1]];
  const own = all.filter(([name]) => name === "value" || name === "rss").flatMap(([, , values]) => values);
  // A limit far above everything, or a cgroup with other processes in it, would make all lines flat.
  const near = all.flatMap(([, , values]) => values).filter((it) => it <= 4 * Math.max(...own));
  const most = Math.max(1, ...own, ...near);
  const span = Math.max(1, last - first);
  return {
    x: (at) => EDGE + ((WIDTH - 2 * EDGE) * (times[at] - first)) / span,
    y: (value) => HEIGHT - EDGE - ((HEIGHT - 4 * EDGE) * value) / most,
    has: (values) => values.every((it) => it === null || it <= most),
  };
};

const showTimeline = () => {
  const all = lines();
  const scale = scaleOf(all);
  const svg = page.make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "Memory over time" });
  // Grid lines: the largest round values that fit.
  for (const [value, text] of page.data.marks.filter(([value]) => scale.has([value])).slice(-3)) {
    const y = scale.y(value);
    svg.append(page.make("line", { class: "mark", x1: 0, x2: WIDTH, y1: y, y2: y }));
    svg.append(page.make("text", { x: EDGE, y: y - 3 }, text));
  }
  for (const [name, , values, stroke] of all.filter(([, , values]) => scale.has(values))) {
    svg.append(polyline(values, scale, { stroke, "data-line": name, "stroke-dasharray": name === "limit" ? "5 4" : undefined }));
  }
  for (const spike of timeline.spikes.spikes) {
    const x = scale.x(spike.peak);
    svg.append(page.make("circle", { cx: x, cy: 10, r: 4, fill: "var(--mark)" }, page.make("title", {}, "spike")));
  }
  const now = scale.x(moments[page.state.at]);
  svg.append(page.make("line", { id: "now", x1: now, x2: now, y1: 0, y2: HEIGHT, stroke: "var(--ink)" }));
  const legend = all.map(([, name, values, stroke]) => {
    const item = page.make("span", {}, `━ ${name}${scale.has(values) ? "" : " (above the picture)"}`);
    item.style.color = stroke;
    return item;
  });
  if (timeline.spikes.spikes.length > 0) legend.push(page.make("span", { class: "spike" }, "● spike"));
  page.byId("timeline").replaceChildren(svg, page.make("p", { class: "controls legend" }, ...legend));
};

// The history of a row as a small line, with a dot at the slider.
page.spark = (levels, now) => {
  const most = Math.max(1, ...levels);
  const x = (at) => 3 + (84 * at) / Math.max(1, levels.length - 1);
  const y = (value) => 15 - (12 * Math.max(0, value)) / most;
  const points = levels.flatMap((value, at) => (value === null ? [] : [`${x(at)},${y(value)}`]));
  const svg = page.make("svg", { class: "spark", viewBox: "0 0 90 18", "aria-hidden": "true" });
  svg.append(page.make("polyline", { points: points.join(" ") }));
  const value = levels[now] ?? null;
  if (value !== null) svg.append(page.make("circle", { cx: x(now), cy: y(value), r: 2.5, "data-value": value }));
  return svg;
};

page.showSeries = () => {
  const { state } = page;
  page.byId("series-section").hidden = timeline === null;
  if (timeline === null) return;
  showTimeline();
  const slider = page.byId("slider");
  slider.max = snapshots.length - 1;
  slider.value = state.at;
  page.byId("moment").textContent = `${snapshots[state.at].name}: ${page.data.moment_texts[moments[state.at]]}`;
  slider.setAttribute("aria-valuetext", snapshots[state.at].name);
  if (trend !== null) {
    page.byId("trend-summary").textContent = trend.summary;
    const now = moments[state.at];
    page.showTable("trend", trend.heads, trend.rows, { before: (row) => page.spark(row.levels, now), first: 12 });
  }
};

// A click on the lines moves the slider to the nearest snapshot.
page.byId("timeline").addEventListener("click", (event) => {
  const svg = event.target.closest("svg");
  if (!svg) return;
  const box = svg.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * WIDTH;
  const scale = scaleOf(lines());
  const away = (at) => Math.abs(scale.x(moments[at]) - x);
  page.choose({ at: moments.reduce((best, _, at) => (away(at) < away(best) ? at : best), 0) });
});

page.byId("slider").addEventListener("input", (event) => {
  page.choose({ at: Number(event.target.value) });
});
