// The data of the page and the choices of the reader. Views subscribe and redraw themselves.

export const data = JSON.parse(document.getElementById("data").textContent);

// Converts columns to rows, and numbers of texts to the texts.
export function rowsOf(columns) {
  const names = Object.keys(columns);
  const length = Math.max(0, ...names.map((name) => (columns[name].values ?? columns[name].codes)?.length ?? 1));
  const at = (column, k) => (column.texts ? column.texts[column.codes[k]] : column.values ? column.values[k] : column.all);
  return Array.from({ length }, (_, k) => Object.fromEntries(names.map((name) => [name, at(columns[name], k)])));
}

export const records = rowsOf(data.records);

export const unique = (values) => [...new Set(values)];
export const tasks = unique(records.map((record) => record.task));
export const budgets = unique(records.map((record) => record.budget)).filter(Boolean).sort((a, b) => a - b);

export const state = { methods: new Set(data.methods.map((each) => each.method)), axis: "params", task: "", size: budgets.at(-1) };

const listeners = [];
export const subscribe = (listener) => listeners.push(listener);
export function update(changes = {}) {
  Object.assign(state, changes);
  listeners.forEach((listener) => listener());
}

// Returns a count with its noun: 1 task, 2 tasks, 1,080 tasks.
export const plural = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

export function median(values) {
  const sorted = values.filter((value) => value != null).sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return sorted.length ? (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2 : null;
}

export function groupBy(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  return groups;
}

// Formats a number with 3 digits, as 1.23e-4 if plain digits would be many.
export function short(value) {
  if (value == null) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return value.toLocaleString("en");
  return size >= 1e-2 && size < 1e5 ? String(Number(value.toPrecision(3))) : value.toExponential(2).replace("e+", "e");
}
