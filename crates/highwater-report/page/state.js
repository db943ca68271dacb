// What the reader has chosen, and the view that this means.

const { data } = page;

page.state = {
  mode: "holding",
  at: data.snapshots.length - 1,
  sample: "",
  by: "",
  find: "",
  noise: false,
  icicle: true,
  // Names of the frames from the root to the one that fills the width.
  zoom: [],
};

// All views of a mode: one for each kind of values and grouping.
page.views = (state) =>
  state.mode === "changed" ? data.changed : (data.snapshots[state.at] ?? { views: [] }).views;

page.view = (state) =>
  page.views(state).find((it) => it.sample === state.sample && it.by === state.by) ?? page.views(state)[0];

page.unit = (view) => (view.header ?? view.new).unit;

// Changes what is chosen, and shows that. A kind or grouping that the mode does not have gives way to its first.
page.choose = (changes) => {
  const { state } = page;
  Object.assign(state, changes);
  const views = page.views(state);
  if (!views.some((it) => it.sample === state.sample)) state.sample = views[0]?.sample ?? "";
  if (!views.some((it) => it.sample === state.sample && it.by === state.by)) {
    state.by = views.find((it) => it.sample === state.sample)?.by ?? "";
  }
  page.show();
};
