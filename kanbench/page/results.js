// The curves and the table of their numbers.
import { data, records, state, subscribe, update, tasks, budgets, median, groupBy, short, plural } from "./store.js";
import { lookOf, withOpacity } from "./theme.js";
import { draw, zoom, sizes, errors } from "./charts.js";

const AXES = { params: "trainable parameters", flops: "FLOPs of one prediction", seconds: "seconds of training per model" };

const methods = data.methods.map((each) => each.method);
export const shown = () => methods.filter((method) => state.methods.has(method));

// Draws the line of a method; a single point shows its interval as a bar, because a band would be invisible.
export function line(method, points) {
  const { ink, mark, dash, width } = lookOf(method);
  const isAlone = points.length === 1 && points[0].low != null;
  const bar = ({ y, low, high }) => ({ symmetric: false, array: [high - y], arrayminus: [y - low], color: ink, thickness: 1.5 });
  return {
    name: method,
    x: points.map((point) => point.x),
    y: points.map((point) => point.y),
    error_y: isAlone ? bar(points[0]) : {},
    customdata: points.map((point) => point.row.budget),
    text: points.map(hoverOf),
    hovertemplate: "%{text}<extra></extra>",
    mode: mark ? "lines+markers" : "lines",
    line: { color: ink, width, dash },
    marker: { color: ink, symbol: mark || "circle", size: 9 },
  };
}

export function band(method, points) {
  const inside = points.filter((point) => point.low != null && point.low > 0);
  const back = [...inside].reverse();
  return {
    x: [...inside, ...back].map((point) => point.x),
    y: [...inside.map((point) => point.low), ...back.map((point) => point.high)],
    fill: "toself",
    mode: "lines",
    line: { width: 0 },
    fillcolor: withOpacity(lookOf(method).ink, 0.16),
    hoverinfo: "skip",
    showlegend: false,
  };
}

// Places references, which have no budget, at the sizes of the methods of each budget.
const referenceNames = new Set(data.summary.filter((row) => row.reference).map((row) => row.method));
const placeOf = (rows, budget) =>
  median(rows.filter((row) => row.budget === budget && !referenceNames.has(row.method)).map((row) => row[state.axis]));

// Draws a reference at one budget as a line from the smallest to the largest method there.
function across(points, method, rows) {
  if (!referenceNames.has(method) || points.length !== 1) return points;
  const places = rows.filter((row) => !referenceNames.has(row.method) && row[state.axis] > 0).map((row) => row[state.axis]);
  return [Math.min(...places) / 1.05, Math.max(...places) * 1.05].map((x) => ({ ...points[0], x }));
}

// Returns the rows of the summary, which are over all tasks.
function averagePoints(method) {
  const points = data.summary
    .filter((row) => row.method === method && row.error != null)
    .map((row) => {
      const x = row.reference ? placeOf(data.summary, row.budget) : row[state.axis];
      return { x, y: row.error, low: row.error_low, high: row.error_high, row };
    })
    .sort((a, b) => a.row.budget - b.row.budget);
  return across(points, method, data.summary);
}

export const scored = records.filter((record) => record.score != null);
export const byTask = groupBy(scored, (record) => record.task);

// Returns the median over members of each budget, for one task.
export function taskPoints(task, method) {
  const rows = byTask.get(task);
  const isReference = referenceNames.has(method);
  const points = budgets
    .map((budget) => {
      const of = rows.filter((row) => row.method === method && (isReference || row.budget === budget));
      const scores = of.map((record) => record.score);
      const [low, high] = [Math.min(...scores), Math.max(...scores)];
      const x = isReference ? placeOf(rows, budget) : median(of.map((record) => record[state.axis]));
      return { x, y: median(scores), low, high, row: { budget, method }, of };
    })
    .filter((point) => point.of.length && point.x != null);
  return across(points, method, rows);
}

function hoverOf({ row, x, y, low, high }) {
  const interval = low == null ? "one seed" : `${short(low)} to ${short(high)}`;
  const against = row.win == null ? "" : `<br>wins ${row.win}, ties ${row.tie}, loses ${row.loss} against ${data.baseline}`;
  const over = row.tasks ? `<br>geometric mean over ${plural(row.tasks, "task")}` : "";
  const size = referenceNames.has(row.method) ? "" : `, budget ${short(row.budget)}`;
  return `<b>${row.method}</b>${size}<br>error ${short(y)} (${interval})${over}${against}<br>${AXES[state.axis]}: ${short(x)}`;
}

function memberTrace(method, points) {
  const members = points.flatMap((point) => point.of).filter((record) => record.budget);
  const { ink, mark } = lookOf(method);
  return {
    x: members.map((record) => record[state.axis]),
    y: members.map((record) => record.score),
    customdata: members.map((record) => records.indexOf(record)),
    text: members.map(
      (record) =>
        `<b>${method}</b>, budget ${short(record.budget)}, seed ${record.seed}<br>error ${record.score}<br>${record.status}, ${short(record.seconds)} s, cell ${record.cell.slice(0, 8)}`,
    ),
    hovertemplate: "%{text}<extra></extra>",
    name: method,
    mode: "markers",
    marker: { color: ink, symbol: `${mark.replace("-open", "") || "circle"}-open`, size: 6 },
    showlegend: false,
  };
}

// Returns the two ends as the ticks of sizes that hardly differ, as those of one budget; others have round ticks.
function ends(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return high < 1.5 * low ? { tickvals: [low, high] } : {};
}

function drawCurves() {
  const element = document.getElementById("curves");
  const places = [];
  const heights = [];
  const traces = shown().flatMap((method) => {
    const points = state.task ? taskPoints(state.task, method) : averagePoints(method);
    if (!referenceNames.has(method)) places.push(...points.map(({ x }) => x));
    heights.push(...points.map(({ y }) => y));
    return [band(method, points), line(method, points), ...(state.task ? [memberTrace(method, points)] : [])];
  });
  const uirevision = `${state.task} ${state.axis}`;
  draw(element, traces, {
    uirevision,
    xaxis: { ...sizes, ...(element.clientWidth < 600 ? { dtick: "D2" } : {}), ...ends(places), title: { text: AXES[state.axis] } },
    yaxis: { ...errors, dtick: Math.max(...heights) < 10 * Math.min(...heights) ? "D2" : 1, title: { text: data.measure } },
  });
  document.getElementById("curves-note").textContent = state.task
    ? `${state.task}: median over seeds and their range; small markers are members. Click a marker for its record.`
    : "Geometric mean over tasks of the median over seeds. Bands and bars are 95 % bootstrap intervals over seeds. Drag to zoom, double-click to reset, click a point for its records.";
}

// Returns the rows of the visible methods, by budget and then by error.
export function summaryRows() {
  const rows = data.summary.filter((row) => state.methods.has(row.method));
  return [...groupBy(rows, (row) => row.budget).values()].flatMap((of) => [...of].sort((a, b) => (a.error ?? Infinity) - (b.error ?? Infinity)));
}

function drawSummary() {
  const body = [...groupBy(summaryRows(), (row) => row.budget).values()].flatMap((of) => {
    const best = of.find((row) => !row.reference);
    return of.map((row) => {
      const interval = row.error_low == null ? "one seed" : `${short(row.error_low)} – ${short(row.error_high)}`;
      const against = row.win == null ? "" : `${row.win} / ${row.tie} / ${row.loss}`;
      const marks = [[`of ${plural(row.members, "member")} failed`, row.failed], ["missed the budget", row.missed], ["skipped", row.skipped]].filter(([, n]) => n);
      marks.push(...[["at cap", row.at_cap], ["stuck", row.stuck]].filter(([, share]) => share > 0).map(([name, share]) => [`% ${name}`, short(100 * share)]));
      return `<tr><td>${short(row.budget)}</td><td class="text${row.reference ? " reference" : ""}">${escape(row.method)}</td><td>${short(row.params)}</td>
        <td>${short(row.flops)}</td><td>${short(row.seconds)}</td><td class="${row === best ? "best" : ""}">${short(row.error)}</td>
        <td>${interval}</td><td>${row.train == null ? "" : short(row.train)}</td><td>${against}</td><td class="text marks">${marks.map(([name, n]) => `${n} ${name}`).join(", ")}</td></tr>`;
    });
  });
  const against = data.baseline ? `win / tie / loss against ${escape(data.baseline)}` : "";
  document.getElementById("summary").innerHTML = `<table><thead><tr><th>budget</th><th class="text">method</th><th>parameters</th>
    <th>FLOPs</th><th>seconds</th><th>error</th><th>95 % interval</th><th>on training</th><th>${against}</th><th class="text marks">marks</th></tr></thead><tbody>${body.join("")}</tbody></table>`;
}

export const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

function startMethods() {
  const parent = document.getElementById("methods");
  for (const method of data.methods) {
    const { light, dark, dash, width, shape } = method;
    const label = document.createElement("label");
    label.innerHTML = `<input type="checkbox" checked> <svg aria-hidden="true" style="--light:${light};--dark:${dark}"><line x1="0" y1="8" x2="38" y2="8" stroke-width="${width}" stroke-dasharray="${dash.join(" ")}"/><path d="${shape}" transform="translate(19 8)"/></svg>`;
    label.append(method.method);
    label.firstChild.addEventListener("change", ({ target }) => {
      state.methods[target.checked ? "add" : "delete"](method.method);
      update();
    });
    parent.append(label);
  }
}

function startAxis() {
  const parent = document.getElementById("axis");
  for (const [name, text] of Object.entries({ params: "parameters", flops: "FLOPs", seconds: "seconds" })) {
    const label = document.createElement("label");
    label.innerHTML = `<input type="radio" name="axis" value="${name}" ${name === state.axis ? "checked" : ""}> ${text}`;
    label.firstChild.addEventListener("change", () => update({ axis: name }));
    parent.append(label);
  }
}

function startTaskChoice() {
  const choice = document.getElementById("task");
  choice.append(new Option("all tasks", ""), ...tasks.map((task) => new Option(task, task)));
  choice.addEventListener("change", () => update({ task: choice.value }));
  subscribe(() => (choice.value = state.task));
}

// Starts the curves. `open(record)` shows one record, `filter(words)` the records of a point.
export function startResults({ open, filter }) {
  startMethods();
  startAxis();
  startTaskChoice();
  const element = document.getElementById("curves");
  document.querySelectorAll("[data-zoom]").forEach((button) =>
    button.addEventListener("click", () => zoom(element, Number(button.dataset.zoom))),
  );
  subscribe(drawCurves);
  subscribe(drawSummary);
  drawCurves();
  drawSummary();
  element.on("plotly_click", ({ points: [point] }) => {
    if (point.data.mode === "markers") open(records[point.customdata]);
    else filter({ method: point.data.name, budget: point.customdata, task: state.task });
  });
}
