// The head with the figures, and the findings: one card for each line of code, the worst first.

const { data, make, byId } = page;

if (data.head.program !== "") byId("program").textContent = `memory of ${data.head.program}`;
byId("facts").textContent = data.head.facts.join(" · ");
byId("figures").replaceChildren(
  ...data.head.figures.map((it) => {
    const remark = it.remark === "" ? "" : make("small", {}, it.remark);
    return make("div", {}, make("dt", {}, it.name), make("dd", {}, it.value, remark));
  }),
);

const ids = new Map(data.labels.map((label, id) => [label, id]));

// The row of the trend or of a table that has this label: it has the stack, and in the trend the history.
const rowOf = (label) => {
  const id = ids.get(label);
  const has = (it) => it.label === id;
  const last = data.snapshots.at(-1);
  const views = last ? [...last.views, ...last.changed] : [];
  const found = data.trend?.rows.find(has);
  return found ?? views.flatMap((it) => it.rows).find(has);
};

const cards = new Map();
for (const finding of data.findings) {
  const key = finding.label === "" ? finding.text : finding.label;
  if (!cards.has(key)) cards.set(key, []);
  cards.get(key).push(finding);
}

const pill = (sort) => make("span", { class: "sort", "data-sort": sort }, sort);

const card = (findings) => {
  const [first] = findings;
  const id = ids.get(first.label);
  const row = first.label === "" ? undefined : rowOf(first.label);
  const go = (place) => () => page.go(place);
  const title = id === undefined ? first.label || first.sort : page.short(id);
  const button = make("button", { type: "button", class: "plain title", title: first.label || undefined, onclick: go(first.place) }, title);
  const largest = findings.find((it) => it.figure !== "");
  const figure = make("span", { class: "figure" }, largest?.figure ?? "");
  const texts = findings.flatMap((it) => {
    // What is said of a spike has its number.
    const text = it === largest || it.sort === "spike" ? it.text : `${it.figure} ${it.text}`.trim();
    const link = it === first ? text : make("button", { type: "button", class: "plain", onclick: go(it.place) }, text);
    return [make("dt", {}, pill(it.sort)), make("dd", {}, link)];
  });
  const item = make("li", { class: "card", "data-sort": first.sort }, make("div", { class: "head" }, button, figure));
  if (id !== undefined && page.placeOf(id) !== "") item.append(page.placeSpan(id));
  if (row?.levels) item.append(page.spark(row.levels, row.levels.length - 1, [300, 34]));
  item.append(make("dl", {}, ...texts));
  if (row && data.stacks[row.stack]?.length > 0) {
    item.append(make("details", {}, make("summary", {}, "stack"), page.frameList(data.stacks[row.stack])));
  }
  return item;
};

page.showFindings = () => {
  byId("findings").replaceChildren(...[...cards.values()].map(card));
  if (cards.size === 0) byId("findings").append(make("li", { class: "card" }, "nothing stands out"));
  byId("notes").replaceChildren(...data.notes.map((it) => make("li", {}, it)));
};
