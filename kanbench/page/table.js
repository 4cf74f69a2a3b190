// The table of records, filtered by words, sorted by a column and divided into pages; and one record in full.
import { data, records, plural, short } from "./store.js";
import { escape } from "./results.js";

const ROWS = 25;
const METRICS = [...new Set(["rel_l2", "rel_cross_entropy", ...data.metrics])];
const OF_OUTPUT = "test_rel_l2_"; // begins the column of the error of one output
const OUTPUTS = Object.keys(data.records).filter((name) => name.startsWith(OF_OUTPUT));
const ERRORS = [...METRICS.flatMap((metric) => [`test_${metric}`, `val_${metric}`]), ...OUTPUTS, "test_accuracy"];
const PREFERRED = ["task", "method", "budget", "params", "seed", "lr", ...ERRORS, "seconds", "flops", "status", "cell"];
const TITLES = {
  ...Object.fromEntries(data.metrics.flatMap((metric) => [[`test_${metric}`, `${metric} on test`], [`val_${metric}`, "on validation"]])),
  ...Object.fromEntries(OUTPUTS.map((name) => [name, `error of ${name.slice(OF_OUTPUT.length)}`])),
  params: "parameters",
  lr: "learning rate",
  test_rel_l2: "error on test",
  val_rel_l2: "on validation",
  test_rel_cross_entropy: "cross-entropy on test",
  val_rel_cross_entropy: "on validation",
  test_accuracy: "accuracy on test",
  flops: "FLOPs",
};
const columns = PREFERRED.filter((name) => name in data.records);
const isText = (name) => "texts" in data.records[name];
const view = { sort: "", ascending: true, words: [], exact: {}, page: 0 };

const texts = records.map((record) => columns.map((name) => record[name] ?? "").join(" ").toLowerCase());

// Returns the records that match the words and the chosen point, sorted.
export function matching() {
  const kept = records.filter(
    (record, k) =>
      view.words.every((word) => texts[k].includes(word)) &&
      Object.entries(view.exact).every(([name, value]) => record[name] === value),
  );
  return sorted(kept, view.sort, view.ascending);
}

// Sorts missing values last in both directions.
function sorted(rows, name, ascending) {
  if (!name) return rows;
  const sign = ascending ? 1 : -1;
  return [...rows].sort((a, b) => {
    const [p, q] = [a[name], b[name]];
    if (p == null || q == null) return (p == null) - (q == null);
    return sign * (typeof p === "string" ? p.localeCompare(q, "en", { numeric: true }) : p - q);
  });
}

function cell(record, name) {
  if (name === "cell") return `<td class="text"><button type="button" data-record="${records.indexOf(record)}">${escape(record.cell.slice(0, 8))}</button></td>`;
  const value = record[name];
  const text = typeof value === "string" ? escape(value) : short(value);
  return `<td${isText(name) ? ' class="text"' : ""}>${text}</td>`;
}

function drawTable() {
  const rows = matching();
  const pages = Math.max(1, Math.ceil(rows.length / ROWS));
  view.page = Math.min(Math.max(view.page, 0), pages - 1);
  const arrow = view.ascending ? " ↑" : " ↓";
  const head = columns.map((name) => {
    const chosen = name === view.sort;
    const order = chosen ? ` aria-sort="${view.ascending ? "ascending" : "descending"}"` : "";
    return `<th scope="col"${order}${isText(name) ? ' class="text"' : ""}><button type="button" data-sort="${escape(name)}">${escape(TITLES[name] ?? name)}${chosen ? arrow : ""}</button></th>`;
  });
  const body = rows.slice(view.page * ROWS, (view.page + 1) * ROWS).map((record) => `<tr>${columns.map((name) => cell(record, name)).join("")}</tr>`);
  document.getElementById("table").innerHTML = `<thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody>`;
  const only = Object.entries(view.exact).map(([name, value]) => `${name} ${value}`).join(", ");
  document.getElementById("count").textContent = `${rows.length.toLocaleString("en")} of ${plural(records.length, "record")}${only && ` (${only})`}`;
  document.getElementById("page").textContent = `page ${view.page + 1} of ${pages}`;
  document.querySelector('[data-page="-1"]').disabled = view.page === 0;
  document.querySelector('[data-page="1"]').disabled = view.page === pages - 1;
}

export function filterRecords(exact) {
  view.exact = Object.fromEntries(Object.entries(exact).filter(([, value]) => value));
  view.words = [];
  view.page = 0;
  document.getElementById("filter").value = "";
  drawTable();
  document.getElementById("records").scrollIntoView();
}

// Starts the table. Each of the four functions takes a record; the first two return true if there is something to show.
export function startTable({ hasNetwork, hasTraining, toNetwork, toTraining }) {
  const dialog = document.getElementById("record");
  let current = null;
  const leave = (go) => () => {
    dialog.close();
    go(current);
  };
  document.getElementById("to-network").addEventListener("click", leave(toNetwork));
  document.getElementById("to-training").addEventListener("click", leave(toTraining));

  const table = document.getElementById("table");
  table.addEventListener("click", ({ target }) => {
    const { sort, record } = target.dataset;
    if (record) open(records[record]);
    if (!sort) return;
    Object.assign(view, { sort, ascending: view.sort === sort ? !view.ascending : true, page: 0 });
    drawTable();
    table.querySelector(`[data-sort="${sort}"]`).focus();
  });
  document.getElementById("filter").addEventListener("input", ({ target }) => {
    Object.assign(view, { words: target.value.toLowerCase().split(/\s+/).filter(Boolean), exact: {}, page: 0 });
    drawTable();
  });
  document.querySelectorAll("[data-page]").forEach((button) =>
    button.addEventListener("click", () => {
      view.page += Number(button.dataset.page);
      drawTable();
    }),
  );
  drawTable();

  function open(record) {
    current = record;
    document.getElementById("record-title").textContent = `${record.method} on ${record.task}, seed ${record.seed}`;
    document.getElementById("record-fields").innerHTML = Object.entries(record)
      .filter(([, value]) => value != null && value !== "")
      .map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`)
      .join("");
    document.getElementById("to-network").disabled = !hasNetwork(record);
    document.getElementById("to-training").disabled = !hasTraining(record);
    dialog.showModal();
  }
  return open;
}
