// Names as people read them: the type and the function first, then where they are. The whole name is in the title.

const { looks } = page.data;
const PLACE = /^(\S+:\d+) (.+)$/s;
const CODES = ["own", "dependency", "runtime"];

page.code = (id) => looks[id]?.[1] ?? CODES[0];

// The source position of a label, or an empty text, and the rest of the label.
const parted = (id) => {
  const [, place, name] = PLACE.exec(page.label(id)) ?? [undefined, "", page.label(id)];
  return { place, name };
};

page.short = (id) => looks[id]?.[0] || parted(id).name;

// The crate of a function, as far as its name tells; of a frame without a name, its library.
page.crateOf = (id) => {
  const { place, name } = parted(id);
  const path = /^<*(?:&|mut |dyn |\[)*([A-Za-z_][A-Za-z0-9_]*)::/.exec(name);
  if (path) return path[1];
  const library = /^([\w.-]+\.so[\w.]*|[\w.-]+)\+0x/.exec(name) ?? /^([\w-]+)-\d+\.\d+\.\d+\//.exec(place);
  return library ? library[1] : "";
};

// Directories in which the source of a package begins.
const SOURCES = /\/(?:src|crates|examples|tests|benches)\//;

// The directory that all sources of the program lie in, if they have absolute paths: it tells nothing.
const ownRoot = (() => {
  const files = page.data.labels.flatMap((_, id) => {
    const { place } = parted(id);
    return place.startsWith("/") && page.code(id) === "own" ? [place] : [];
  });
  if (files.length === 0) return "";
  let root = files[0].slice(0, (SOURCES.exec(files[0])?.index ?? files[0].lastIndexOf("/")) + 1);
  for (const file of files) while (!file.startsWith(root)) root = root.slice(0, root.lastIndexOf("/", root.length - 2) + 1);
  return root;
})();

// The source position, from the directory of the program's sources on.
page.placeOf = (id) => {
  const { place } = parted(id);
  return ownRoot !== "" && place.startsWith(ownRoot) ? place.slice(ownRoot.length) : place;
};

// A source position that may be broken behind a slash.
page.placeSpan = (id) => {
  const parts = page.placeOf(id).split("/").flatMap((it, at) => (at === 0 ? [it] : ["/", page.make("wbr"), it]));
  return page.make("span", { class: "place", title: parted(id).place }, ...parts);
};

// The name in spans: short name, crate, place.
page.nameOf = (id) => {
  const { place, name } = parted(id);
  const short = page.short(id);
  const parts = [page.make("span", { class: "name", title: name }, short)];
  const crate = short === name ? "" : page.crateOf(id);
  if (crate !== "") parts.unshift(page.make("span", { class: "scope" }, `${crate} `));
  if (place !== "") parts.push(" ", page.placeSpan(id));
  return parts;
};

// The text in at most this many characters. The end of a name tells most, so the beginning goes first.
page.fitted = (text, characters) => {
  if (text.length <= characters) return text;
  if (characters < 3) return "";
  const own = text.slice(text.lastIndexOf("::") + 2);
  if (own !== text && own.length <= characters) return own;
  const head = Math.ceil((characters - 1) / 2);
  return `${own.slice(0, head)}…${own.slice(own.length - (characters - 1 - head))}`;
};

// Frames that are folded into one: how many, and whose they are, the most frequent first.
page.foldText = (ids) => {
  const counts = new Map();
  for (const id of ids) {
    const crate = page.crateOf(id);
    if (crate !== "") counts.set(crate, (counts.get(crate) ?? 0) + 1);
  }
  const names = [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const of = names.length > 0 ? ` of ${names.slice(0, 3).join(", ")}${names.length > 3 ? " …" : ""}` : "";
  return `⋯ ${ids.length} frames${of}`;
};

// A stack, leaf first, as a list. Runs of at least three frames that are not the program's own are one item, which opens.
page.frameList = (stack) => {
  if (stack.length === 0) return "no stack";
  const list = page.make("ol", { class: "frames" });
  const item = (id, at) => page.make("li", { "data-code": page.code(id), value: at + 1 }, page.label(id));
  for (let at = 0; at < stack.length; ) {
    let end = at;
    while (end < stack.length && page.code(stack[end]) !== "own") end += 1;
    const [from, run] = [at, stack.slice(at, end)];
    if (run.length >= 3) {
      const fold = page.make("li", { class: "fold" });
      const open = () => fold.replaceWith(...run.map((id, place) => item(id, from + place)));
      fold.append(page.make("button", { type: "button", class: "plain", onclick: open }, page.foldText(run)));
      list.append(fold);
      at = end;
    } else {
      list.append(item(stack[at], at));
      at += 1;
    }
  }
  return list;
};
