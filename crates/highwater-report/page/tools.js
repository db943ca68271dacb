// The page's data, and the functions that all parts of the page use.

page.data = JSON.parse(document.getElementById("data").textContent);

page.byId = (id) => document.getElementById(id);

// An element with these attributes, properties that begin with "on", and children. Text is never read as HTML.
page.make = (name, attributes = {}, ...children) => {
  const svg = ["svg", "polyline", "polygon", "line", "text", "circle", "title", "g"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
};

page.label = (id) => page.data.labels[id];

// A whole number with separators, as in the drawings: 209,715,200.
page.grouped = (value) => String(Math.abs(value)).replace(/\B(?=(\d{3})+$)/g, ",");

page.signed = (value) => (value < 0 ? "-" : value > 0 ? "+" : "") + page.grouped(value);

// The unit of a view's values: a count is one of blocks, or of what the kind of values is called.
page.unitOf = (view) => {
  const { unit, sample } = view.header ?? view.new;
  return unit !== "count" ? unit : sample.includes("block") ? "blocks" : sample;
};

page.exact = (value, view) => `${page.grouped(value)} ${page.unitOf(view)}`;

// The predicate of a search: a part of the name, or a regular expression between slashes.
page.matcher = (text) => {
  const words = text.trim();
  if (words === "") return null;
  const expression = /^\/(.+)\/$/.exec(words);
  if (expression) {
    try {
      const regex = new RegExp(expression[1], "i");
      return (name) => regex.test(name);
    } catch {
      return () => false;
    }
  }
  const part = words.toLowerCase();
  return (name) => name.toLowerCase().includes(part);
};
