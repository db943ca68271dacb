// The reader's choices, and the view for them.

const { data } = page;

page.state = {
  mode: "holding",
  at: data.snapshots.length - 1,
  sample: "",
  by: "",
  find: "",
  noise: false,
  icicle: true,
  // Whether the frames of libraries and of the runtime are shown one by one.
  unfolded: false,
  // Names of the frames from the root to the one that has the full width.
  zoom: [],
};

// All views of a mode at a snapshot: one for each kind of values and grouping. The first snapshot has not changed.
page.views = (state, at = state.at) => {
  const snapshot = data.snapshots[at] ?? { views: [], changed: [] };
  return state.mode === "changed" ? snapshot.changed : snapshot.views;
};

page.view = (state) =>
  page.views(state).find((it) => it.sample === state.sample && it.by === state.by) ?? page.views(state)[0];

// The value of the row with this name in each snapshot; null if the page does not have it.
const histories = new Map();
page.history = (label) => {
  const key = `${page.state.sample} by ${page.state.by}`;
  if (!histories.has(key)) {
    const views = data.snapshots.map((it) =>
      it.views.find((view) => view.sample === page.state.sample && view.by === page.state.by),
    );
    const values = views.map((view) => new Map(view?.rows.map((row) => [row.label, row.value])));
    histories.set(key, (id) =>
      values.map((of, at) => of.get(id) ?? (views[at]?.omitted.rows === 0 ? 0 : null)),
    );
  }
  return histories.get(key)(label);
};

// Changes the choices and shows their view. If the mode lacks the kind or grouping, its first one is chosen.
page.choose = (changes) => {
  const { state } = page;
  Object.assign(state, changes);
  const views = page.views(state);
  if (views.length === 0) {
    page.show();
    return;
  }
  if (!views.some((it) => it.sample === state.sample)) state.sample = views[0]?.sample ?? "";
  if (!views.some((it) => it.sample === state.sample && it.by === state.by)) {
    state.by = views.find((it) => it.sample === state.sample)?.by ?? "";
  }
  page.show();
  page.remember();
};

// The choices as the address's fragment, so that an address leads to a view: `#view=changed&by=line&at=3`.
let isReady = false;

page.remember = () => {
  const { state } = page;
  if (!isReady) return;
  const words = new URLSearchParams({ view: state.mode, values: state.sample, by: state.by, at: state.at });
  if (state.find !== "") words.set("find", state.find);
  if (state.zoom.length > 0) words.set("zoom", state.zoom.map((it) => data.labels.indexOf(it)).join("."));
  if (state.unfolded) words.set("frames", "all");
  try {
    history.replaceState(null, "", `#${words}`);
  } catch {
    // Some browsers keep the address of a page without a server as it is.
  }
};

// The choices that the address asks for.
page.wanted = () => {
  isReady = true;
  const words = new URLSearchParams(location.hash.slice(1));
  const choices = {};
  const at = Number.parseInt(words.get("at") ?? "", 10);
  if (["holding", "changed"].includes(words.get("view"))) choices.mode = words.get("view");
  if (at >= 0 && at < data.snapshots.length) choices.at = at;
  if (words.has("values")) choices.sample = words.get("values");
  if (words.has("by")) choices.by = words.get("by");
  if (words.has("find")) choices.find = words.get("find");
  if (words.has("zoom")) choices.zoom = words.get("zoom").split(".").map((it) => data.labels[it] ?? "");
  if (words.get("frames") === "all") choices.unfolded = true;
  return choices;
};
