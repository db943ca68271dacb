// A series: the slider through it, and the behaviour of every row.

const { timeline, trend, snapshots, moments } = page.data;

// The history of a row as a small line, with a dot at the slider.
page.spark = (levels, now, [width, height] = [90, 18]) => {
  const most = Math.max(1, ...levels);
  const x = (at) => 3 + ((width - 6) * at) / Math.max(1, levels.length - 1);
  const y = (value) => height - 3 - ((height - 6) * Math.max(0, value)) / most;
  const points = levels.flatMap((value, at) => (value === null ? [] : [`${x(at)},${y(value)}`]));
  const svg = page.make("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(page.make("polyline", { points: points.join(" ") }));
  const value = levels[now] ?? null;
  if (value !== null && height < 20) svg.append(page.make("circle", { cx: x(now), cy: y(value), r: 2.5, "data-value": value }));
  return svg;
};

page.showSeries = () => {
  const { state } = page;
  page.byId("series-section").hidden = timeline === null;
  if (timeline === null) return;
  page.showTimeline();
  const slider = page.byId("slider");
  slider.max = snapshots.length - 1;
  slider.value = state.at;
  page.byId("moment").textContent = `${snapshots[state.at].name}: ${page.data.moment_texts[moments[state.at]]}`;
  slider.setAttribute("aria-valuetext", snapshots[state.at].name);
  if (trend !== null) {
    page.byId("trend-summary").textContent = trend.summary;
    const now = moments[state.at];
    page.showTable("trend", trend.heads, trend.rows, { before: (row) => page.spark(row.levels, now), first: 8 });
  }
};

page.byId("slider").addEventListener("input", (event) => {
  page.choose({ at: Number(event.target.value) });
});
