// The controls, and the view for the chosen options.

const { data, state, byId, make } = page;

const options = (select, values, chosen) => {
  select.replaceChildren(...values.map((it) => make("option", { value: it, selected: it === chosen }, it)));
  select.value = chosen;
};

const distinct = (values) => [...new Set(values)];

page.show = () => {
  const views = page.views(state).length > 0 ? page.views(state) : page.views(state, data.snapshots.length - 1);
  options(byId("sample"), distinct(views.map((it) => it.sample)), state.sample);
  options(byId("by"), distinct(views.filter((it) => it.sample === state.sample).map((it) => it.by)), state.by);
  const changed = state.mode === "changed";
  byId("mode-holding").setAttribute("aria-pressed", String(!changed));
  byId("mode-changed").setAttribute("aria-pressed", String(changed));
  byId("noise-label").hidden = !changed;
  byId("invert").setAttribute("aria-pressed", String(state.icicle));
  byId("unfold").setAttribute("aria-pressed", String(state.unfolded));
  page.showSeries();
  page.showFlame();
  const view = page.view(state);
  byId("compared").hidden = !changed;
  byId("compared").textContent = `${data.snapshots[0]?.name} → ${data.snapshots[state.at]?.name}`;
  if (!view) {
    byId("summary").textContent = changed && state.at === 0
      ? "This is the first snapshot, which the others are compared with: move the slider."
      : "There is nothing to show.";
    for (const id of ["table", "detail", "legend", "flame-cut", "omitted"]) byId(id).replaceChildren();
    return;
  }
  byId("summary").textContent = view.summary;
  const before = data.snapshots.length > 2 ? (row) => page.spark(page.history(row.label), state.at) : undefined;
  page.showTable("table", view.heads, view.rows, { noise: state.noise, before });
  const hidden = changed && !state.noise ? view.rows.filter((it) => !it.significant).length : 0;
  byId("omitted").textContent = [
    view.omitted.rows > 0 ? `${page.grouped(view.omitted.rows)} more rows, ${page.signed(view.omitted.value)} together, are not on this page` : "",
    hidden > 0 ? `${hidden} changes that may be noise are hidden` : "",
  ].filter((it) => it !== "").join("; ");
};

page.go = (place) => {
  if (place.view === "trend") {
    page.goToRow("trend", place.label);
  } else if (place.view === "moment") {
    const at = data.moments.findIndex((it) => it >= place.at);
    page.choose({ mode: "holding", at: at < 0 ? data.snapshots.length - 1 : at });
    byId("slider").focus();
  } else {
    const at = data.snapshots.length - 1;
    page.choose({ mode: place.view, sample: place.sample, by: place.by, at, find: "", zoom: [] });
    byId("find").value = "";
    page.goToRow("table", place.label);
  }
};

page.showFindings();

const isCompared = data.snapshots.some((it) => it.changed.length > 0);
byId("modes").hidden = !isCompared;
byId("mode-holding").addEventListener("click", () => page.choose({ mode: "holding", zoom: [] }));
byId("mode-changed").addEventListener("click", () => page.choose({ mode: "changed", zoom: [] }));
byId("sample").addEventListener("change", (event) => page.choose({ sample: event.target.value }));
byId("by").addEventListener("change", (event) => page.choose({ by: event.target.value, zoom: [] }));
byId("find").addEventListener("input", (event) => page.choose({ find: event.target.value }));
byId("noise").addEventListener("change", (event) => page.choose({ noise: event.target.checked }));
byId("invert").addEventListener("click", () => page.choose({ icicle: !state.icicle }));
byId("unfold").addEventListener("click", () => page.choose({ unfolded: !state.unfolded }));
byId("reset").addEventListener("click", () => page.choose({ zoom: [] }));

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const theme = (name) => {
  document.documentElement.dataset.theme = name;
};
theme(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
byId("theme").addEventListener("click", () => {
  theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, select, textarea");
  if (event.key === "/" && !typing) {
    byId("find").focus();
    event.preventDefault();
  } else if (event.key === "Escape") {
    byId("find").value = "";
    page.choose({ zoom: [], find: "" });
  }
});

// Texts and boxes are drawn in pixels.
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  page.show();
});

page.choose({ mode: isCompared && data.timeline !== null && data.trend === null ? "changed" : "holding" });
const wanted = page.wanted();
byId("find").value = wanted.find ?? "";
if (Object.keys(wanted).length > 0) page.choose(wanted);
