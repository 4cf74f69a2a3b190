// The curves, the panels of the tasks, and the numbers of the curves.
import { data, records, state, subscribe, update, tasks, budgets, median, groupBy, short, plural } from "./store.js";
import { looks, colour, withOpacity } from "./theme.js";
import { draw, zoom, sizes, errors } from "./charts.js";

const AXES = { params: "trainable parameters", flops: "FLOPs of one prediction", seconds: "seconds of training per model" };
const ERROR = "test_rel_cross_entropy" in data.records ? "cross-entropy on test over that of the class prior" : "relative L2 error on test";

const methods = data.methods.map((each) => each.method);
const shown = () => methods.filter((method) => state.methods.has(method));

const line = (method, more) => {
  const look = looks[method];
  const ink = colour(look.colour);
  return {
    name: method,
    mode: "lines+markers",
    line: { color: ink, width: 2.5, dash: look.dash },
    marker: { color: ink, symbol: look.symbol, size: 9 },
    ...more,
  };
};

function band(method, points) {
  const inside = points.filter((point) => point.low != null && point.low > 0);
  const back = [...inside].reverse();
  return {
    x: [...inside, ...back].map((point) => point.x),
    y: [...inside.map((point) => point.low), ...back.map((point) => point.high)],
    fill: "toself",
    mode: "lines",
    line: { width: 0 },
    fillcolor: withOpacity(colour(looks[method].colour), 0.16),
    hoverinfo: "skip",
  };
}

// References have no budget of their own: they are drawn where the methods of each budget are.
const referenceNames = new Set(data.summary.filter((row) => row.reference).map((row) => row.method));
const placeOf = (rows, budget) =>
  median(rows.filter((row) => row.budget === budget && !referenceNames.has(row.method)).map((row) => row[state.axis]));

// Over all tasks: the rows of the summary.
function averagePoints(method) {
  return data.summary
    .filter((row) => row.method === method && row.error != null)
    .map((row) => {
      const x = row.reference ? placeOf(data.summary, row.budget) : row[state.axis];
      return { x, y: row.error, low: row.error_low, high: row.error_high, row };
    })
    .sort((a, b) => a.row.budget - b.row.budget);
}

const scored = records.filter((record) => record.score != null);
const byTask = groupBy(scored, (record) => record.task);

// Of one task: the median over members of each budget.
function taskPoints(task, method) {
  const rows = byTask.get(task);
  const isReference = referenceNames.has(method);
  return budgets
    .map((budget) => {
      const of = rows.filter((row) => row.method === method && (isReference || row.budget === budget));
      const scores = of.map((record) => record.score);
      const [low, high] = [Math.min(...scores), Math.max(...scores)];
      const x = isReference ? placeOf(rows, budget) : median(of.map((record) => record[state.axis]));
      return { x, y: median(scores), low, high, row: { budget, method }, of };
    })
    .filter((point) => point.of.length && point.x != null);
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
  return line(method, {
    x: members.map((record) => record[state.axis]),
    y: members.map((record) => record.score),
    customdata: members.map((record) => records.indexOf(record)),
    text: members.map(
      (record) =>
        `<b>${method}</b>, budget ${short(record.budget)}, seed ${record.seed}<br>error ${record.score}<br>${record.status}, ${short(record.seconds)} s, cell ${record.cell.slice(0, 8)}`,
    ),
    hovertemplate: "%{text}<extra></extra>",
    mode: "markers",
    marker: { color: colour(looks[method].colour), symbol: `${looks[method].symbol}-open`, size: 6 },
  });
}

function drawCurves() {
  const element = document.getElementById("curves");
  const traces = shown().flatMap((method) => {
    const points = state.task ? taskPoints(state.task, method) : averagePoints(method);
    const main = line(method, {
      x: points.map((point) => point.x),
      y: points.map((point) => point.y),
      customdata: points.map((point) => point.row.budget),
      text: points.map(hoverOf),
      hovertemplate: "%{text}<extra></extra>",
    });
    return [band(method, points), main, ...(state.task ? [memberTrace(method, points)] : [])];
  });
  const uirevision = `${state.task} ${state.axis}`;
  draw(element, traces, {
    uirevision,
    xaxis: { ...sizes, nticks: Math.ceil(element.clientWidth / 80), title: { text: AXES[state.axis] } },
    yaxis: { ...errors, dtick: 1, title: { text: ERROR } },
  });
  document.getElementById("curves-note").textContent = state.task
    ? `${state.task}: median over seeds and their range; small markers are members. Click one for its record.`
    : "Geometric mean over tasks of the median over seeds; shaded: 95 % bootstrap interval over seeds. Drag to zoom, double-click to see everything; click a point for its records.";
}

function drawSummary() {
  const rows = data.summary.filter((row) => state.methods.has(row.method));
  const body = [...groupBy(rows, (row) => row.budget).values()].flatMap((of) => {
    const sorted = [...of].sort((a, b) => (a.error ?? Infinity) - (b.error ?? Infinity));
    return sorted.map((row, rank) => {
      const interval = row.error_low == null ? "one seed" : `${short(row.error_low)} – ${short(row.error_high)}`;
      const against = row.win == null ? "" : `${row.win} / ${row.tie} / ${row.loss}`;
      const marks = [["failed", row.failed], ["missed the budget", row.missed], ["skipped", row.skipped]].filter(([, n]) => n);
      return `<tr><td>${short(row.budget)}</td><td class="text">${escape(row.method)}</td><td>${short(row.params)}</td>
        <td>${short(row.flops)}</td><td>${short(row.seconds)}</td><td class="${rank ? "" : "best"}">${short(row.error)}</td>
        <td>${interval}</td><td>${against}</td><td class="text">${marks.map(([name, n]) => `${n} ${name}`).join(", ")}</td></tr>`;
    });
  });
  const against = data.baseline ? `win / tie / loss against ${escape(data.baseline)}` : "";
  document.getElementById("summary").innerHTML = `<table><thead><tr><th>budget</th><th class="text">method</th><th>parameters</th>
    <th>FLOPs</th><th>seconds</th><th>error</th><th>95 % interval</th><th>${against}</th><th class="text">marks</th></tr></thead><tbody>${body.join("")}</tbody></table>`;
}

export const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

function axisRanges() {
  const logs = (name) => scored.map((record) => record[name]).filter((value) => value > 0).map(Math.log10);
  const padded = (values, by) => values.length ? [Math.min(...values) - by, Math.max(...values) + by] : [-1, 1];
  return { x: padded(logs(state.axis), 0.08), y: padded(logs("score"), 0.15) };
}

// Two or three round numbers inside a range of logarithms.
function fewTicks([low, high]) {
  const [first, last] = [10 ** low, 10 ** high];
  const round = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((k) => [1, 2, 5].map((digit) => digit * 10 ** (Math.floor(low) + k)));
  const inside = round.filter((value) => value >= first && value <= last);
  const step = Math.ceil(inside.length / 3);
  return inside.filter((_, k) => (inside.length - 1 - k) % step === 0);
}

function drawPanel(panel) {
  const ranges = axisRanges();
  const traces = shown().flatMap((method) => {
    const points = taskPoints(panel.dataset.task, method);
    const look = { x: points.map((point) => point.x), y: points.map((point) => point.y) };
    const drawn = line(method, look);
    return [band(method, points), { ...drawn, line: { ...drawn.line, width: 1.6 }, marker: { ...drawn.marker, size: 4.5 } }];
  });
  const small = { tickfont: { size: 10 }, automargin: false };
  draw(
    panel.querySelector(".plot"),
    traces,
    {
      margin: { l: 34, r: 6, t: 4, b: 20 },
      xaxis: { ...sizes, ...small, range: ranges.x, tickvals: fewTicks(ranges.x) },
      yaxis: { ...errors, ...small, dtick: Math.ceil((ranges.y[1] - ranges.y[0]) / 4), range: ranges.y },
    },
    { staticPlot: true },
  );
}

function startPanels() {
  const parent = document.getElementById("panels");
  const seen = new Set();
  const observer = new IntersectionObserver(
    (entries) =>
      entries.filter((entry) => entry.isIntersecting && !seen.has(entry.target)).forEach(({ target }) => {
        seen.add(target);
        drawPanel(target);
      }),
    { rootMargin: "300px" },
  );
  for (const task of tasks.filter((each) => byTask.has(each))) {
    const panel = document.createElement("button");
    panel.type = "button";
    panel.className = "panel";
    panel.dataset.task = task;
    panel.innerHTML = `${escape(task)}<span class="plot" style="display:block"></span>`;
    panel.addEventListener("click", () => {
      update({ task: state.task === task ? "" : task });
      document.getElementById("results").scrollIntoView();
    });
    parent.append(panel);
    observer.observe(panel);
  }
  subscribe(() => {
    for (const panel of parent.children) panel.setAttribute("aria-pressed", panel.dataset.task === state.task);
    seen.forEach(drawPanel);
  });
}

function startMethods() {
  const parent = document.getElementById("methods");
  for (const method of methods) {
    const look = looks[method];
    const label = document.createElement("label");
    const dashes = { dash: "7 4", dot: "2 3", longdash: "11 4" }[look.dash] ?? "";
    label.innerHTML = `<input type="checkbox" checked> <svg aria-hidden="true"><line x1="0" y1="7" x2="35" y2="7" stroke="var(--${look.colour})" stroke-width="3" stroke-dasharray="${dashes}"/></svg>`;
    label.append(method);
    label.firstChild.addEventListener("change", ({ target }) => {
      state.methods[target.checked ? "add" : "delete"](method);
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

// `open(record)` shows one record, `filter(words)` those of a point.
export function startResults({ open, filter }) {
  startMethods();
  startAxis();
  startTaskChoice();
  startPanels();
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
