// Learning curves of the members of a task and a budget, and the gradient norms of their layers.
import { data, records, state, subscribe, tasks, budgets, groupBy, short } from "./store.js";
import { lookOf } from "./theme.js";
import { draw, errors } from "./charts.js";

const LAYER_DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const cells = [...groupBy(records, (record) => record.cell).values()].map(([first]) => first);
const task = document.getElementById("training-task");
const budget = document.getElementById("training-budget");

const chosen = () =>
  cells.filter((cell) => cell.task === task.value && cell.budget === Number(budget.value) && state.methods.has(cell.method) && data.curves[cell.cell]);

function memberTraces({ cell, method }) {
  const { steps, members, ...curves } = data.curves[cell];
  const losses = Object.entries(curves).find(([name]) => name.startsWith("validation_"))[1];
  const { ink, mark, dash } = lookOf(method);
  return members.map(([seed, rate], k) => ({
    x: steps,
    y: losses.map((check) => check[k]),
    name: method,
    legendgroup: method,
    showlegend: k === 0,
    mode: "lines+markers",
    line: { color: ink, width: 1.4, dash },
    marker: { symbol: mark || "circle", size: 4.5, color: ink },
    hovertemplate: `<b>${method}</b>, seed ${seed}${rate == null ? "" : `, rate ${short(rate)}`}<br>step %{x}: %{y:.3g}<extra></extra>`,
  }));
}

function layerTraces({ cell, method }) {
  const { steps, layers } = data.curves[cell];
  const norms = layers?.gradient_norm ?? [];
  return (norms[0] ?? []).map((_, k) => ({
    x: steps,
    y: norms.map((check) => check[k]),
    mode: "lines",
    name: `${method}, layer ${k + 1}`,
    line: { color: lookOf(method).ink, width: 2, dash: LAYER_DASHES[k % LAYER_DASHES.length] },
    hovertemplate: `<b>${method}</b>, layer ${k + 1}<br>step %{x}: %{y:.3g}<extra></extra>`,
  })).filter((trace) => trace.y.some((value) => value > 0));
}

function drawTraining() {
  const layout = (title) => ({ xaxis: { title: { text: "steps of the optimizer" }, rangemode: "tozero" }, yaxis: { ...errors, title: { text: title } } });
  const gradients = chosen().flatMap(layerTraces);
  const element = document.getElementById("gradients");
  element.parentElement.hidden = gradients.length === 0;
  document.getElementById("no-gradients").hidden = gradients.length > 0;
  draw(document.getElementById("learning"), chosen().flatMap(memberTraces), layout("validation error"));
  if (gradients.length) draw(element, gradients, layout("gradient norm"));
}

// Returns true for records with a learning curve; references and failed cells have none.
export const hasTraining = (record) => record.cell in data.curves;

export function showTraining(record) {
  task.value = record.task;
  budget.value = record.budget;
  drawTraining();
  document.getElementById("training").scrollIntoView();
}

export function startTraining() {
  task.append(...tasks.map((name) => new Option(name, name)));
  budget.append(...budgets.map((size) => new Option(short(size), size)));
  task.addEventListener("change", drawTraining);
  budget.addEventListener("change", drawTraining);
  subscribe(drawTraining);
  drawTraining();
}
