// The boxes of a flame graph before they are drawn: positions, widths, and runs of frames that are folded into one row.

// A run of fewer frames than this is not folded.
const SHORTEST_RUN = 3;

// For each list of nodes: parents, positions, widths, and where the children end. Computed once.
const layouts = new WeakMap();

page.layoutOf = (view) => {
  if (layouts.has(view)) return layouts.get(view);
  const changed = view.header === undefined;
  const width = view.nodes.map((node) => (changed ? node[3] + node[4] : Math.max(node[2], 0)));
  const parent = [];
  const x = [];
  const used = [];
  const end = [];
  const path = [];
  view.nodes.forEach((node, at) => {
    const depth = node[0];
    while (path.length > depth) end[path.pop()] = at;
    const above = path[path.length - 1];
    parent.push(above ?? -1);
    x.push(above === undefined ? 0 : x[above] + used[above]);
    used.push(0);
    if (above !== undefined) used[above] += width[at];
    path.push(at);
  });
  while (path.length > 0) end[path.pop()] = view.nodes.length;
  const layout = { width, parent, x, end, changed, last: runs(view, width, end) };
  layouts.set(view, layout);
  return layout;
};

// For each node: the last one of the run that begins with it, or the node itself. In a run, each frame belongs to a library
// or to the runtime, and has one child, which is as wide.
const runs = (view, width, end) => {
  const isOther = (at) => at > 0 && page.code(view.nodes[at][1]) !== "own";
  const last = view.nodes.map((_, at) => at);
  for (let at = 0; at < view.nodes.length; at += 1) {
    if (!isOther(at)) continue;
    let to = at;
    while (to + 1 < end[to] && end[to + 1] === end[to] && width[to + 1] === width[to] && isOther(to + 1)) to += 1;
    if (to - at + 1 >= SHORTEST_RUN) last[at] = to;
    at = Math.max(at, to);
  }
  return last;
};

// The node with the full width, which is never folded.
page.root = 0;

// Runs that the reader opened: the first node of each, by view.
const opened = new WeakMap();

page.isFolded = (view, at) => !page.state.unfolded && at !== page.root && page.layoutOf(view).last[at] > at && !opened.get(view)?.has(at);

page.openRun = (view, at) => {
  if (!opened.has(view)) opened.set(view, new Set());
  opened.get(view).add(at);
};

// The labels of the frames in a run.
page.runOf = (view, at) => view.nodes.slice(at, page.layoutOf(view).last[at] + 1).map((node) => node[1]);

// The boxes of the graph below a root: node, row, left edge and width as shares of the whole. Boxes below the share
// `narrowest` are left out.
page.boxesOf = (view, root, narrowest) => {
  const { width, x, end, last, parent } = page.layoutOf(view);
  const whole = Math.max(1, width[root]);
  const row = new Map();
  const boxes = [];
  for (let at = root; at < end[root]; ) {
    const share = width[at] / whole;
    if (share < narrowest && at !== root) {
      at = end[at];
      continue;
    }
    row.set(at, at === root ? 0 : row.get(parent[at]) + 1);
    boxes.push({ at, row: row.get(at), left: (x[at] - x[root]) / whole, share });
    if (page.isFolded(view, at)) {
      // The children of the last frame of the run hang below the folded row.
      for (let inside = at; inside <= last[at]; inside += 1) row.set(inside, row.get(at));
      at = last[at] + 1;
    } else {
      at += 1;
    }
  }
  return boxes;
};
