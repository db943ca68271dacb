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

page.unit = (view) => (view.header ?? view.new).unit;

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
};
