// The errors of all methods on one task at one size, seed by seed.
import { data, state, subscribe, update, tasks, budgets, median, groupBy, short } from "./store.js";
import { lookOf } from "./theme.js";
import { draw, errors } from "./charts.js";
import { shown, byTask } from "./results.js";

const byId = (id) => document.getElementById(id);
export const known = tasks.filter((task) => byTask.has(task));
export const chosen = () => state.task || known[0];

// Returns the methods with their records, the lowest median first; references have no size.
function rowsOf(task) {
  const at = (byTask.get(task) ?? []).filter((record) => !record.budget || record.budget === state.size);
  const of = groupBy(at, (record) => record.method);
  const rows = shown().filter((method) => of.has(method)).map((method) => ({ method, records: of.get(method) }));
  for (const row of rows) row.median = median(row.records.map((record) => record.score));
  return rows.sort((a, b) => a.median - b.median);
}

function traces({ method, records, median: middle }, k) {
  const { ink } = lookOf(method);
  const label = records[0].shape_label ? `<br>${records[0].shape_label}, nodes ${records[0].shape}` : "";
  const text = records.map((record) => `<b>${method}</b>, seed ${record.seed}<br>error ${short(record.score)}${label}`);
  const y = records.map(() => k);
  const seeds = { x: records.map((record) => record.score), y, text, hovertemplate: "%{text}<extra></extra>", name: method };
  return [
    { ...seeds, mode: "markers", marker: { color: ink, symbol: "circle-open", size: 8, line: { width: 1.6 } } },
    { x: [middle, middle], y: [k - 0.32, k + 0.32], mode: "lines", line: { color: ink, width: 3 }, hoverinfo: "skip" },
  ];
}

function drawSeeds() {
  const rows = rowsOf(chosen());
  byId("seeds").style.height = `${90 + 30 * Math.max(rows.length, 2)}px`;
  const scores = rows.flatMap((row) => row.records.map((record) => record.score)).filter((score) => score > 0);
  const isShort = Math.max(...scores) < 10 * Math.min(...scores);
  draw(byId("seeds"), rows.flatMap(traces), {
    xaxis: { ...errors, dtick: isShort ? "D2" : 1, title: { text: data.measure } },
    yaxis: { range: [rows.length - 0.4, -0.6], tickvals: rows.map((_, k) => k), ticktext: rows.map((row) => row.method), ticks: "", zeroline: false },
    margin: { l: 40 },
  });
  byId("seeds-note").textContent = `${chosen()} at ${short(state.size)} parameters. A row per method, the lowest median first: circles are seeds, the bar is their median.`;
}

// Fills a choice of tasks or sizes that all views share.
export function share(id, options, name) {
  const choice = byId(id);
  choice.append(...options.map((value) => new Option(typeof value === "number" ? short(value) : value, value)));
  const show = () => (choice.value = name === "task" ? chosen() : state.size);
  choice.addEventListener("change", () => update({ [name]: name === "task" ? choice.value : Number(choice.value) }));
  subscribe(show);
  show();
}

export function startTask() {
  share("one-task", known, "task");
  share("one-size", budgets, "size");
  for (const button of document.querySelectorAll("[data-next]")) {
    const step = Number(button.dataset.next);
    button.addEventListener("click", () => update({ task: known.at((known.indexOf(chosen()) + step) % known.length) }));
  }
  subscribe(drawSeeds);
  drawSeeds();
}
