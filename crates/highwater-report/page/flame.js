// The flame graph: boxes as wide as their values, with keyboard control, zoom and search.

const HEIGHT = 20;
// Boxes below this share of the graph's width are not drawn.
const NARROWEST = 0.0007;
// The width of a character in pixels.
const LETTER = 7.25;

const pathTo = (view, at) => {
  const names = [];
  for (let it = at; it > 0; it = page.layoutOf(view).parent[it]) names.unshift(page.label(view.nodes[it][1]));
  return names;
};

// The node at the end of a path of names, or the deepest one that exists.
const nodeAt = (view, names) => {
  const { parent, end } = page.layoutOf(view);
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

// Red grew, blue shrank, grey may be noise. Undefined where the code decides.
const colour = (view, at) => {
  const node = view.nodes[at];
  const { changed, width } = page.layoutOf(view);
  if (!changed) return undefined;
  if (!node[5]) return "rgb(205,205,205)";
  const faded = Math.trunc(215 - 145 * Math.min(1, Math.abs(node[2]) / Math.max(1, width[at])));
  if (node[2] === 0) return "rgb(245,245,245)";
  return node[2] > 0 ? `rgb(255,${faded},${faded})` : `rgb(${faded},${faded},255)`;
};

const nameOf = (view, at) => (at === 0 ? "all" : page.label(view.nodes[at][1]));

const amountOf = (view, at) => {
  const node = view.nodes[at];
  if (page.layoutOf(view).changed) {
    const [, , change, grown, shrunk, significant] = node;
    const noise = significant ? "" : ", may be noise";
    return `${page.signed(change)} ${page.unitOf(view)}: ${page.grouped(grown)} grown, ${page.grouped(shrunk)} shrunk${noise}`;
  }
  const share = ((100 * node[2]) / Math.max(1, view.nodes[0][2])).toFixed(2);
  return `${page.exact(node[2], view)}, ${share}%`;
};

const textOf = (view, at) => {
  const name = page.isFolded(view, at) ? page.foldText(page.runOf(view, at)) : nameOf(view, at);
  return `${name} (${amountOf(view, at)})`;
};

let active = 0;

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
  page.byId("detail").textContent = textOf(view, at);
};

// A folded run opens; the graph of any other frame gets the full width.
const enter = (view, at) => {
  if (page.isFolded(view, at)) {
    page.openRun(view, at);
    page.show();
  } else {
    page.choose({ zoom: pathTo(view, at) });
  }
};

// The way from the root to the frame with the full width. Each step leads back.
const showCrumbs = (view, root) => {
  const { parent } = page.layoutOf(view);
  const path = [];
  for (let at = root; at >= 0; at = parent[at]) path.unshift(at);
  const isKept = (at, place) => at === 0 || place >= path.length - 1 || page.code(view.nodes[at][1]) === "own";
  const steps = path.filter(isKept).map((at) => {
    const go = () => page.choose({ zoom: pathTo(view, at) });
    return page.make("button", { type: "button", class: "plain", onclick: go }, at === 0 ? "all" : page.short(view.nodes[at][1]));
  });
  page.byId("crumbs").hidden = root === 0;
  page.byId("crumbs").replaceChildren(...(root === 0 ? [] : steps));
};

const showLegend = (view) => {
  const key = (style, text) => {
    const box = page.make("i", {});
    box.style.background = style;
    return page.make("span", {}, box, text);
  };
  const keys = page.layoutOf(view).changed
    ? [key("rgb(255,110,110)", "grew"), key("rgb(110,110,255)", "shrank"), key("rgb(205,205,205)", "may be noise")]
    : [key("var(--own)", "your code"), key("var(--dependency)", "dependencies"), key("var(--runtime)", "standard library and runtime")];
  const help = page.make("span", {}, "click or Enter: zoom · arrows: walk · / : find · Escape: everything");
  page.byId("legend").replaceChildren(...keys, help);
};

const boxFor = (view, { at, row, left, share }, { matches, pixels, deepest }) => {
  const isFold = page.isFolded(view, at);
  const name = nameOf(view, at);
  const ids = isFold ? page.runOf(view, at) : [view.nodes[at][1]];
  const hit = matches !== null && at > 0 && ids.some((id) => matches(page.label(id)));
  const id = view.nodes[at][1];
  const crate = page.code(id) === "own" ? "" : `${page.crateOf(id)} `.trimStart();
  const text = at === 0 ? "all" : isFold ? page.foldText(ids) : `${crate}${page.short(id)}`;
  const { changed } = page.layoutOf(view);
  const kind = changed ? "changed" : at === 0 ? "runtime" : isFold ? "fold" : page.code(id);
  // The sign of a fold is wider than a letter.
  const letters = Math.floor((share * pixels - (isFold ? 16 : 9)) / LETTER);
  const box = page.make("div", {
    class: `frame ${kind}${id % 2 === 1 ? " other" : ""}${hit ? " hit" : ""}`,
    id: `frame-${at}`,
    role: "treeitem",
    "aria-level": view.nodes[at][0] + 1,
    "aria-label": textOf(view, at),
    "data-value": view.nodes[at][2],
    "data-name": isFold ? text : name,
  }, isFold && text.length > letters ? page.fitted(`⋯ ${ids.length}`, letters) : page.fitted(text, letters));
  const top = page.state.icicle ? row : deepest - row;
  box.style.cssText = `left:${100 * left}%;width:${100 * share}%;top:${top * HEIGHT}px`;
  const own = colour(view, at);
  if (own) box.style.background = own;
  return { box, hit };
};

page.showFlame = () => {
  const { state } = page;
  const view = page.view(state);
  const flame = page.byId("flame");
  flame.replaceChildren();
  flame.style.height = "0";
  page.byId("legend").replaceChildren();
  page.byId("crumbs").hidden = true;
  if (!view || view.nodes.length === 0) return;
  const root = nodeAt(view, state.zoom);
  page.root = root;
  const boxes = page.boxesOf(view, root, NARROWEST);
  const deepest = boxes.reduce((most, it) => Math.max(most, it.row), 0);
  flame.style.height = `${(deepest + 1) * HEIGHT}px`;
  const look = { matches: page.matcher(state.find), pixels: flame.clientWidth, deepest };
  let [hits, value, covered] = [0, 0, -1];
  const { end, width } = page.layoutOf(view);
  for (const it of boxes) {
    const { box, hit } = boxFor(view, it, look);
    flame.append(box);
    hits += hit ? 1 : 0;
    // Frames below one that matches are part of its value.
    if (hit && it.at >= covered) {
      value += width[it.at];
      covered = end[it.at];
    }
  }
  showCrumbs(view, root);
  showLegend(view);
  activate(view, page.byId(`frame-${active}`) === null ? root : active);
  if (look.matches !== null) {
    const share = ((100 * value) / Math.max(1, width[0])).toFixed(2);
    page.byId("detail").textContent = `${hits} of the frames that are drawn match, with ${page.exact(value, view)} (${share}%)`;
  }
  page.byId("flame-cut").textContent = view.nodes_left_out > 0 ? `${page.grouped(view.nodes_left_out)} smaller frames are not on this page.` : "";
};

const indexOf = (event) => {
  const box = event.target.closest?.(".frame");
  return box ? Number(box.id.slice("frame-".length)) : -1;
};

page.byId("flame").addEventListener("click", (event) => {
  const at = indexOf(event);
  if (at < 0) return;
  active = at;
  page.byId("tip").hidden = true;
  enter(page.view(page.state), at);
});

page.byId("flame").addEventListener("pointermove", (event) => {
  const at = indexOf(event);
  const tip = page.byId("tip");
  tip.hidden = at < 0;
  if (at < 0) return;
  const view = page.view(page.state);
  const name = page.isFolded(view, at) ? page.foldText(page.runOf(view, at)) : nameOf(view, at);
  tip.replaceChildren(page.make("b", {}, name), amountOf(view, at));
  const { width, height } = tip.getBoundingClientRect();
  const x = Math.max(8, Math.min(event.clientX + 14, window.innerWidth - width - 8));
  const below = event.clientY + 18;
  tip.style.cssText = `left:${x}px;top:${below + height > window.innerHeight ? event.clientY - height - 10 : below}px`;
});
page.byId("flame").addEventListener("pointerleave", () => {
  page.byId("tip").hidden = true;
});

page.byId("flame").addEventListener("keydown", (event) => {
  const view = page.view(page.state);
  if (!view) return;
  const { parent, end, last } = page.layoutOf(view);
  const isDrawn = (at) => page.byId(`frame-${at}`) !== null;
  const down = () => {
    const from = page.isFolded(view, active) ? last[active] : active;
    return from + 1 < end[from] ? from + 1 : active;
  };
  // Of a folded run only the first frame is drawn.
  const up = () => {
    let at = parent[active];
    while (at > 0 && !isDrawn(at)) at = parent[at];
    return Math.max(at, 0);
  };
  const beside = (step) => {
    const siblings = [];
    for (let at = parent[active] + 1; at < (end[parent[active]] ?? 0); at = end[at]) siblings.push(at);
    return siblings[siblings.indexOf(active) + step] ?? active;
  };
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
    enter(view, active);
    event.preventDefault();
  }
});
