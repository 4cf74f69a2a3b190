// Solutions of equations: u that a method found, the reference, and the error, as maps over two variables or as lines.
import { data, state, subscribe, update, short } from "./store.js";
import { color, withOpacity } from "./theme.js";
import { draw } from "./charts.js";

const byId = (id) => document.getElementById(id);
const every = data.solutions;
const VALUES = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
const ERRORS = ["#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f"];
const EACH = 2; // of so many points along an axis one answers to the pointer

const unscaled = ({ scale, values }) => values.map((value) => scale * value);
const spread = ([low, high, n]) => Array.from({ length: n }, (_, k) => low + ((high - low) * k) / Math.max(n - 1, 1));

const shownTask = () => every.find((each) => each.task === byId("solution-task").value) ?? every[0];
const shownMethod = (solved) => solved.found.find((each) => each.method === byId("solution-method").value) ?? solved.found[0];

// Returns the numbers of the chosen picture: the reference, u, which is the reference and the error, and the error.
function numbers() {
  const solved = shownTask();
  const found = shownMethod(solved);
  const [reference, error] = [unscaled(solved.reference), unscaled(found.off)];
  return { solved, found, reference, error, u: reference.map((value, k) => value + error[k]) };
}

export function solutionRows() {
  const { solved, reference, error, u } = numbers();
  const axes = solved.axes.map(spread);
  const inner = axes[1]?.length ?? 1;
  const place = (k) => (axes.length > 1 ? [axes[0][Math.floor(k / inner)], axes[1][k % inner]] : [axes[0][k]]);
  return u.map((value, k) => ({ ...Object.fromEntries(place(k).map((at, i) => [solved.variables[i], at])), u: value, reference: reference[k], error: error[k] }));
}

const mixed = (from, to, share) => {
  const part = (text, i) => parseInt(text.slice(1 + 2 * i, 3 + 2 * i), 16);
  return [0, 1, 2].map((i) => part(from, i) + share * (part(to, i) - part(from, i)));
};

function inkOf(value, low, high, inks) {
  const place = Math.min(Math.max((value - low) / (high - low), 0), 1) * (inks.length - 1);
  const first = Math.min(Math.floor(place), inks.length - 2);
  return mixed(inks[first], inks[first + 1], place - first);
}

// Paints values, a row per value of the axis that goes up, with a pixel each.
function painted(rows, low, high, inks) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [rows[0].length, rows.length];
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  [...rows].reverse().flat().forEach((value, k) => image.data.set([...inkOf(value, low, high, inks), 255], 4 * k));
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

// Draws a map. Time goes across whatever its place, and else the first variable.
function drawMap(id, solved, values, low, high, inks) {
  const order = solved.variables[1] === "t" ? [1, 0] : [0, 1];
  const [across, upward] = order.map((i) => spread(solved.axes[i]));
  const inner = solved.axes[1][2];
  const at = (i, j) => values[order[0] ? j * inner + i : i * inner + j]; // i across, j upward
  const rows = upward.map((_, j) => across.map((_, i) => at(i, j)));
  const half = [across, upward].map((axis) => (axis.at(-1) - axis[0]) / (2 * Math.max(axis.length - 1, 1)));
  const few = (axis) => axis.map((_, k) => k).filter((k) => k % EACH === 0);
  const places = few(upward).flatMap((j) => few(across).map((i) => [i, j]));
  const axis = (i) => ({ title: { text: solved.variables[order[i]], standoff: 4 }, range: [[across, upward][i][0], [across, upward][i].at(-1)], showgrid: false, zeroline: false });
  const numbers = places.map(([i, j]) => at(i, j));
  draw(
    byId(id),
    [{
      x: places.map(([i]) => across[i]),
      y: places.map(([, j]) => upward[j]),
      text: places.map(([i, j]) => `${solved.variables[order[0]]} ${short(across[i])}, ${solved.variables[order[1]]} ${short(upward[j])}<br><b>${short(at(i, j))}</b>`),
      hovertemplate: "%{text}<extra></extra>",
      mode: "markers",
      marker: {
        size: 9, opacity: 0, color: numbers, cmin: low, cmax: high, colorscale: inks.map((ink, k) => [k / (inks.length - 1), ink]),
        colorbar: { thickness: 10, outlinewidth: 0, exponentformat: "e", nticks: 5, tickfont: { size: 11 } },
      },
    }],
    {
      images: [{
        source: painted(rows, low, high, inks), xref: "x", yref: "y", layer: "below", sizing: "stretch",
        x: across[0] - half[0], y: upward.at(-1) + half[1],
        sizex: across.at(-1) - across[0] + 2 * half[0], sizey: upward.at(-1) - upward[0] + 2 * half[1],
      }],
      xaxis: axis(0),
      yaxis: axis(1),
    },
  );
}

function drawLines({ solved, reference, error, u }) {
  const [x] = solved.axes.map(spread);
  const trace = (y, name, line) => ({ x, y, name, mode: "lines", line, hovertemplate: `${name} %{y:.4g}<extra></extra>` });
  const layout = { images: [], xaxis: { title: { text: solved.variables[0] } } };
  draw(byId("solution-u"), [trace(reference, "reference", { color: withOpacity(color("soft"), 0.45), width: 8 }), trace(u, "u", { color: color("accent"), width: 2 })], layout);
  draw(byId("solution-error"), [trace(error, "error", { color: color("warm"), width: 2 })], { ...layout, yaxis: { exponentformat: "e" } });
}

function drawSolution() {
  const solved = shownTask();
  const methods = byId("solution-method");
  const before = methods.value;
  methods.replaceChildren(...solved.found.map(({ method, error }) => new Option(`${method} (error ${short(error)})`, method)));
  methods.value = solved.found.some(({ method }) => method === before) ? before : solved.found[0].method;
  const shown = numbers();
  const isMap = solved.variables.length > 1;
  byId("solution-known").hidden = !isMap;
  byId("solution-title").textContent = isMap ? "u, found" : "u, found; the reference is the broad line";
  if (isMap) {
    const [low, high] = [Math.min(...shown.reference), Math.max(...shown.reference)];
    const largest = Math.max(...shown.error.map(Math.abs)) || 1;
    drawMap("solution-u", solved, shown.u, low, high, VALUES);
    drawMap("solution-reference", solved, shown.reference, low, high, VALUES);
    drawMap("solution-error", solved, shown.error, -largest, largest, ERRORS);
  } else drawLines(shown);
  byId("solution-note").textContent = `${shown.found.said}, seed ${shown.found.seed}: relative L2 error ${short(shown.found.error)}. The best member by validation. ${solved.said.join("; ")}.`;
}

export function startSolutions() {
  if (!every.length) return;
  const tasks = byId("solution-task");
  tasks.append(...every.map(({ task }) => new Option(task, task)));
  tasks.addEventListener("change", () => update({ task: tasks.value }));
  byId("solution-method").addEventListener("change", drawSolution);
  subscribe(() => {
    if (every.some(({ task }) => task === state.task)) tasks.value = state.task;
    drawSolution();
  });
  drawSolution();
}
