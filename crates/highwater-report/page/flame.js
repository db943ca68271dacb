// The flame graph: boxes as wide as their values, with keyboard control, zoom and search.

const HEIGHT = 18;
// Boxes below this share of the graph's width are not drawn.
const NARROWEST = 0.0007;

// For each list of nodes: parents, positions, widths, and where the children end. Computed once.
const layouts = new WeakMap();

const layoutOf = (view) => {
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
  const layout = { width, parent, x, end, changed };
  layouts.set(view, layout);
  return layout;
};

const pathTo = (view, at) => {
  const names = [];
  for (let it = at; it > 0; it = layoutOf(view).parent[it]) names.unshift(page.label(view.nodes[it][1]));
  return names;
};

// The node at the end of a path of names, or the deepest one that exists.
const nodeAt = (view, names) => {
  const { parent, end } = layoutOf(view);
  let found = 0;
  for (const name of names) {
    let next = -1;
    for (let at = found + 1; at < end[found] && next < 0; at = end[at]) {
      if (parent[at] === found && page.label(view.nodes[at][1]) === name) next = at;
    }
    if (next < 0) break;
    found = next;
  }
  return found;
};

const colour = (view, at) => {
  const node = view.nodes[at];
  const { changed, width } = layoutOf(view);
  if (changed) {
    if (!node[5]) return "rgb(205,205,205)";
    const faded = Math.trunc(215 - 145 * Math.min(1, Math.abs(node[2]) / Math.max(1, width[at])));
    if (node[2] === 0) return "rgb(245,245,245)";
    return node[2] > 0 ? `rgb(255,${faded},${faded})` : `rgb(${faded},${faded},255)`;
  }
  let hash = 7;
  for (const letter of page.label(node[1])) hash = (hash * 31 + letter.codePointAt(0)) % 9973;
  return `hsl(${15 + (hash % 40)} ${70 + (hash % 20)}% ${66 + (hash % 14)}%)`;
};

const words = (view, at) => {
  const node = view.nodes[at];
  const unit = page.unit(view);
  const name = at === 0 ? "all" : page.label(node[1]);
  if (layoutOf(view).changed) {
    const [, , change, grown, shrunk, significant] = node;
    const unitName = unit === "count" ? "blocks" : unit;
    const noise = significant ? "" : ", may be noise";
    return `${name} (${page.signed(change)} ${unitName}: ${page.grouped(grown)} grown, ${page.grouped(shrunk)} shrunk${noise})`;
  }
  const share = ((100 * node[2]) / Math.max(1, view.nodes[0][2])).toFixed(2);
  return `${name} (${page.exact(node[2], unit)}, ${share}%)`;
};

let active = 0;

const tell = (view, at) => {
  page.byId("detail").textContent = words(view, at);
};

const activate = (view, at) => {
  active = at;
  for (const it of page.byId("flame").querySelectorAll(".active")) {
    it.classList.remove("active");
    it.removeAttribute("aria-selected");
  }
  const box = page.byId(`frame-${at}`);
  if (box) {
    box.classList.add("active");
    box.setAttribute("aria-selected", "true");
    page.byId("flame").setAttribute("aria-activedescendant", box.id);
  }
  tell(view, at);
};

page.zoomTo = (view, at) => page.choose({ zoom: pathTo(view, at) });

page.showFlame = () => {
  const { state } = page;
  const view = page.view(state);
  const flame = page.byId("flame");
  flame.replaceChildren();
  flame.style.height = "0";
  if (!view || view.nodes.length === 0) return;
  const { width, parent, x, end } = layoutOf(view);
  const root = nodeAt(view, state.zoom);
  const matches = page.matcher(state.find);
  const above = [];
  for (let at = parent[root]; at >= 0; at = parent[at]) above.push(at);
  const boxes = [];
  const whole = Math.max(1, width[root]);
  let deepest = 0;
  let hits = 0;
  const add = (at, left, share, isAbove) => {
    const name = at === 0 ? "all" : page.label(view.nodes[at][1]);
    const hit = matches !== null && at > 0 && matches(name);
    hits += hit ? 1 : 0;
    deepest = Math.max(deepest, view.nodes[at][0]);
    boxes.push([at, left, share, isAbove, hit, name]);
  };
  for (const at of above.reverse()) add(at, 0, 1, true);
  for (let at = root; at < end[root]; ) {
    const share = width[at] / whole;
    if (share < NARROWEST && at !== root) {
      at = end[at];
      continue;
    }
    add(at, (x[at] - x[root]) / whole, share, false);
    at += 1;
  }
  flame.style.height = `${(deepest + 1) * HEIGHT}px`;
  for (const [at, left, share, isAbove, hit, name] of boxes) {
    const depth = view.nodes[at][0];
    const box = page.make("div", {
      class: `frame${isAbove ? " above" : ""}${hit ? " hit" : ""}`,
      id: `frame-${at}`,
      role: "treeitem",
      "aria-level": depth + 1,
      "aria-label": words(view, at),
      "data-value": view.nodes[at][2],
      "data-name": name,
    }, share > 0.02 ? name : "");
    const top = state.icicle ? depth : deepest - depth;
    box.style.cssText = `left:${100 * left}%;width:${100 * share}%;top:${top * HEIGHT}px;background:${colour(view, at)}`;
    flame.append(box);
  }
  activate(view, Math.min(active, view.nodes.length - 1) || root);
  if (page.byId(`frame-${active}`) === null) activate(view, root);
  if (matches !== null) page.byId("detail").textContent = `${hits} of the frames that are drawn match`;
  const cut = view.nodes_left_out > 0 ? `${page.grouped(view.nodes_left_out)} smaller frames are not on this page. ` : "";
  page.byId("flame-cut").textContent = `${cut}${above.length > 0 ? "Zoomed in; Escape shows everything." : ""}`;
};

const indexOf = (event) => {
  const box = event.target.closest?.(".frame");
  return box ? Number(box.id.slice("frame-".length)) : -1;
};

page.byId("flame").addEventListener("click", (event) => {
  const at = indexOf(event);
  if (at < 0) return;
  active = at;
  page.zoomTo(page.view(page.state), at);
});
page.byId("flame").addEventListener("mouseover", (event) => {
  const at = indexOf(event);
  if (at >= 0) tell(page.view(page.state), at);
});

page.byId("flame").addEventListener("keydown", (event) => {
  const view = page.view(page.state);
  if (!view) return;
  const { parent, end } = layoutOf(view);
  const isDrawn = (at) => page.byId(`frame-${at}`) !== null;
  const down = () => (active + 1 < end[active] ? active + 1 : active);
  const beside = (step) => {
    const siblings = [];
    for (let at = parent[active] + 1; at < (end[parent[active]] ?? 0); at = end[at]) siblings.push(at);
    return siblings[siblings.indexOf(active) + step] ?? active;
  };
  const up = () => Math.max(parent[active], 0);
  const moves = {
    ArrowDown: page.state.icicle ? down : up,
    ArrowUp: page.state.icicle ? up : down,
    ArrowLeft: () => beside(-1),
    ArrowRight: () => beside(1),
    Home: () => 0,
  };
  if (moves[event.key]) {
    const next = moves[event.key]();
    if (isDrawn(next)) activate(view, next);
    event.preventDefault();
  } else if (event.key === "Enter" || event.key === " ") {
    page.zoomTo(view, active);
    event.preventDefault();
  }
});
