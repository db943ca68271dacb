// The program whose heap V8 samples: what `parse` makes is kept, what `scan` makes is garbage.
const kept = [];

function parse(count) {
  const all = [];
  for (let i = 0; i < count; i++) all.push({ number: i, text: "x".repeat(20) + i });
  return all;
}

function scan(count) {
  let length = 0;
  for (let i = 0; i < count; i++) length += ("y" + i).repeat(20).length;
  return length;
}

function descend(levels) {
  if (levels > 0) return descend(levels - 1);
  kept.push(new Array(10000).fill(levels));
}

for (let i = 0; i < 20; i++) {
  kept.push(parse(2000));
  scan(2000);
}
descend(100);
// V8 collects garbage before it writes.
globalThis.kept = kept;
