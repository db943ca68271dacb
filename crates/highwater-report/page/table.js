// Tables of rows: sorted by any column, filtered by the search, each row with its stack.

// For each table, by its element's id: the column to sort by and its direction, and the row that is open.
const choices = {};

const choice = (id) => (choices[id] ??= { column: null, descending: true, open: null, all: false });

page.openRow = (id, label) => {
  choice(id).open = label;
  choice(id).all = true;
};

const bar = (row, heads, most) => {
  if (heads[1] !== "±" || most <= 0 || !row.margins) return "";
  const percent = (value) => Math.max(0, Math.min(100, (100 * value) / most));
  const size = Math.abs(row.values[0]);
  const [shorter, longer] = row.values[0] < 0 ? [row.margins[1], row.margins[0]] : row.margins;
  const [low, high] = [percent(size - shorter), percent(size + longer)];
  const whisker = page.make("i", {});
  whisker.style.cssText = `left:${low}%;width:${high - low}%`;
  const element = page.make("span", { class: "bar", "aria-hidden": "true" }, whisker);
  element.style.setProperty("--to", `${percent(size)}%`);
  return element;
};

const stackRow = (row, columns) => {
  const list = page.frameList(page.data.stacks[row.stack]);
  return page.make("tr", { class: "stack" }, page.make("td", { colspan: columns }, list));
};

// Shows a table in the element with this id. `before` makes the content in front of a row's label. Only the `first` rows are
// shown until the reader asks for all.
page.showTable = (id, heads, rows, { before = () => "", noise = true, first = Infinity } = {}) => {
  const own = choice(id);
  const matches = page.matcher(page.state.find);
  const shown = rows.filter((row) => (noise || row.significant) && (!matches || matches(page.label(row.label))));
  if (own.column !== null) {
    const key = own.column < heads.length - 1 ? (row) => row.values[own.column] : (row) => page.label(row.label);
    const order = (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
    shown.sort((a, b) => (own.descending ? order(b, a) : order(a, b)));
  }
  const again = () => page.showTable(id, heads, rows, { before, noise, first });
  const sortBy = (column) => {
    own.descending = own.column === column ? !own.descending : column < heads.length - 1;
    own.column = column;
    again();
    page.byId(id).querySelectorAll("th button")[column].focus();
  };
  const head = heads.map((text, column) => {
    const direction = own.column === column ? (own.descending ? "descending" : "ascending") : "none";
    const button = page.make("button", { type: "button", onclick: () => sortBy(column) }, text);
    return page.make("th", { scope: "col", "aria-sort": direction }, button);
  });
  const most = Math.max(0, ...rows.map((row) => Math.abs(row.values[0])));
  const isCut = !own.all && shown.length > first;
  const seen = isCut ? shown.slice(0, first) : shown;
  const body = seen.flatMap((row) => {
    const label = page.label(row.label);
    const isOpen = own.open === label;
    const cells = row.cells.map((text, column) => {
      const kind = row.class && column === 0 ? `class-${row.class}` : undefined;
      return page.make("td", { "data-head": heads[column], class: kind }, text, column === 0 ? bar(row, heads, most) : "");
    });
    const toggle = () => {
      own.open = isOpen ? null : label;
      again();
      page.byId(id).querySelector(`tr[data-label="${CSS.escape(label)}"] .row`)?.focus();
    };
    const words = page.nameOf(row.label);
    const name = page.make("button", { type: "button", class: "row", "aria-expanded": String(isOpen), onclick: toggle }, ...words);
    const attributes = {
      "data-label": label,
      "data-value": row.value,
      "data-code": page.code(row.label),
      class: `${row.significant ? "" : "noise"}${isOpen ? " chosen" : ""}`,
    };
    const line = page.make("tr", attributes, ...cells, page.make("td", {}, page.make("div", { class: "label" }, before(row), name)));
    return isOpen ? [line, stackRow(row, heads.length)] : [line];
  });
  const table = page.make("table", {}, page.make("thead", {}, page.make("tr", {}, ...head)), page.make("tbody", {}, ...body));
  page.byId(id).replaceChildren(table);
  if (shown.length === 0) page.byId(id).append(page.make("p", { class: "faint" }, "no rows"));
  if (!isCut) return;
  const showAll = () => {
    own.all = true;
    again();
    page.byId(id).querySelectorAll(".row")[first]?.focus();
  };
  page.byId(id).append(page.make("button", { type: "button", class: "more", onclick: showAll }, `Show all ${shown.length}`));
};

// Opens a row and brings it into view.
page.goToRow = (id, label) => {
  page.openRow(id, label);
  page.show();
  const row = page.byId(id).querySelector(`tr[data-label="${CSS.escape(label)}"]`);
  row?.scrollIntoView({ block: "center" });
  row?.querySelector(".row").focus();
};
