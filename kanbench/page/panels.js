// One panel per task.
import { state, subscribe, update, tasks } from "./store.js";
import { draw, sizes, errors } from "./charts.js";
import { shown, line, band, taskPoints, scored, byTask, escape } from "./results.js";

const trained = scored.filter((record) => record.budget);

function axisRanges() {
  const logs = (name) => trained.map((record) => record[name]).filter((value) => value > 0).map(Math.log10);
  const padded = (values, by) => values.length ? [Math.min(...values) - by, Math.max(...values) + by] : [-1, 1];
  return { x: padded(logs(state.axis), 0.08), y: padded(logs("score"), 0.15) };
}

// Returns two or three round numbers inside a range of logarithms.
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
    const drawn = line(method, points);
    return [band(method, points), { ...drawn, line: { ...drawn.line, width: 0.65 * drawn.line.width }, marker: { ...drawn.marker, size: 4.5 } }];
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

// Draws the waiting panels: one after the other in idle time, or all at once.
const waiting = new Set();
const whenIdle = globalThis.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 0 }), 20));

function drawSome(deadline) {
  for (const panel of waiting) {
    waiting.delete(panel);
    drawPanel(panel);
    if (deadline.timeRemaining() < 10) break;
  }
  if (waiting.size) whenIdle(drawSome);
}

export function drawPanels() {
  waiting.forEach(drawPanel);
  waiting.clear();
}

function drawLater(panels) {
  if (!waiting.size) whenIdle(drawSome);
  for (const panel of panels) waiting.add(panel);
}

export function startPanels() {
  const parent = document.getElementById("panels");
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
  }
  subscribe(() => {
    for (const panel of parent.children) panel.setAttribute("aria-pressed", panel.dataset.task === state.task);
    drawLater(parent.children);
  });
  drawLater(parent.children);
}
