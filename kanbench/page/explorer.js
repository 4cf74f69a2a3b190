// The trained networks: their graph, one edge at a time, and coefficients that can be moved.
import { data, subscribe, short, groupBy, unique } from "./store.js";
import { color, withOpacity } from "./theme.js";
import { draw } from "./charts.js";
import { escape } from "./results.js";
import { expand, termNames } from "./bases.js";
import { edgeValue, run, runAgain, predict, attribute, relativeError } from "./network.js";
import { evaluateFit, formulaOf, determination } from "./library.js";

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
const steps = (low, high, n) => Array.from({ length: n }, (_, k) => low + ((high - low) * k) / (n - 1));
const clone = (layers) => layers.map((layer) => ({ ...layer, weights: structuredClone(layer.weights) }));

const shown = data.networks.filter((network) => network.layers);
const view = { network: null, layers: [], isEdited: false, trainedError: 0, runs: [], scores: [], edge: [0, 0, 0], walk: 0 };

const dataOf = (network) => data.data[`${network.suite}/${network.task}/${network.seed}`];

function nodeName(layer, k) {
  if (layer === 0) return dataOf(view.network).inputs[k].name;
  return layer === view.layers.length ? "f" : `h${view.layers.length > 2 ? layer + "." : ""}${k + 1}`;
}
const edgeName = ([l, i, j]) => `${nodeName(l, i)} → ${nodeName(l + 1, j)}`;

function allEdges() {
  return view.layers.flatMap((layer, l) =>
    layer.active.flatMap((row, i) => row.flatMap((there, j) => (there ? [[l, i, j]] : []))),
  );
}
const score = ([l, i, j]) => view.scores[l][i][j];
const strength = (edge) => score(edge) / Math.max(1e-12, ...view.scores[edge[0]].flat());
const isChosen = (edge) => edge.every((part, k) => part === view.edge[k]);

function compute() {
  view.runs = run(view.layers, dataOf(view.network).x);
  view.scores = attribute(view.runs);
}

// The graph of the network

function element(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.append(...children);
  return made;
}

function places(width, height) {
  const counts = [view.layers[0].weights.length, ...view.layers.map((layer) => layer.bias.length)];
  const left = 28 + 8 * Math.max(...dataOf(view.network).inputs.map((input) => input.name.length));
  return counts.map((count, l) =>
    Array.from({ length: count }, (_, k) => [left + ((width - left - 36) * l) / (counts.length - 1), ((k + 0.5) * height) / count]),
  );
}

function drawGraph() {
  const graph = byId("graph");
  const most = Math.max(view.layers[0].weights.length, ...view.layers.map((layer) => layer.bias.length));
  const [width, height] = [graph.clientWidth || 500, Math.max(334, most * 36)];
  graph.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const nodes = places(width, height);
  const edges = [...allEdges()].sort((a, b) => strength(a) - strength(b)).map((edge) => {
    const [l, i, j] = edge;
    const [[x, y], [u, v]] = [nodes[l][i], nodes[l + 1][j]];
    const path = `M${x},${y} C${(x + u) / 2},${y} ${(x + u) / 2},${v} ${u},${v}`;
    const s = strength(edge);
    const look = { d: path, class: "line", "stroke-width": 0.7 + 5.3 * s, "stroke-opacity": 0.12 + 0.8 * s };
    const label = `${edgeName(edge)}, attribution ${short(score(edge))}`;
    return element(
      "g",
      { class: isChosen(edge) ? "edge chosen" : "edge", role: "button", tabindex: isChosen(edge) ? 0 : -1, "data-edge": edge.join("-"), "aria-label": label, "aria-pressed": isChosen(edge) },
      element("title", {}, label),
      element("path", look),
      element("path", { d: path, class: "hit" }),
    );
  });
  const circles = nodes.flatMap((layer, l) =>
    layer.flatMap(([x, y], k) => {
      const inputs = l === 0;
      const outputs = l === nodes.length - 1;
      const circle = element("circle", { cx: x, cy: y, r: inputs || outputs ? 7 : 11 });
      if (!inputs && !outputs) return [circle, element("text", { x, y: y + 4, class: "small", "text-anchor": "middle" }, `${k + 1}`)];
      const text = element("text", { x: inputs ? x - 12 : x + 12, y: y + 5, "text-anchor": inputs ? "end" : "start" }, nodeName(l, k));
      return [circle, text];
    }),
  );
  graph.replaceChildren(...edges, ...circles);
}

// The tiles

function sparkline(edge) {
  const [l, i, j] = edge;
  const inputs = view.runs[l].inputs[i];
  const xs = steps(Math.min(...inputs), Math.max(...inputs), 40);
  const ys = xs.map((x) => edgeValue(view.layers[l], i, j, x));
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const scale = high - low > 1e-12 ? 32 / (high - low) : 0;
  return ys.map((y, k) => `${k ? "L" : "M"}${(k * 80) / 39},${(20 - scale * (y - (low + high) / 2)).toFixed(1)}`).join("");
}

function drawTiles() {
  const edges = allEdges().sort((a, b) => score(b) - score(a));
  byId("tiles").innerHTML = edges
    .map(
      (edge) =>
        `<button type="button" data-edge="${edge.join("-")}" aria-pressed="${isChosen(edge)}">${escape(edgeName(edge))}<svg viewBox="0 0 80 40" preserveAspectRatio="none" aria-hidden="true"><path d="${sparkline(edge)}" style="opacity:${0.35 + 0.65 * strength(edge)}"/></svg></button>`,
    )
    .join("");
}

// The chosen edge

function density(values, bins = 24) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const counts = new Array(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor((bins * (value - low)) / (high - low || 1)))]++;
  const width = (high - low) / bins;
  return { x: counts.map((_, k) => low + (k + 0.5) * width), y: counts.map((count) => count / values.length), width };
}

const bestFit = ([l, i, j]) =>
  view.network.candidates[l]?.find(({ edge }) => edge[0] === i && edge[1] === j)?.fits ?? [];

function drawEdge() {
  const [l, i, j] = view.edge;
  const layer = view.layers[l];
  const inputs = view.runs[l].inputs[i];
  const xs = steps(Math.min(...inputs), Math.max(...inputs), 160);
  const terms = xs.map((x) => expand(layer, x, i));
  const names = termNames(layer);
  const curve = (name, y, look, more = {}) => ({ x: xs, y, name, mode: "lines", line: look, hovertemplate: `${name}<br>%{x:.3g}: %{y:.4g}<extra></extra>`, ...more });
  const bars = density(inputs);
  const traces = [
    { ...bars, type: "bar", yaxis: "y2", showlegend: false, marker: { color: withOpacity(color("neutral"), 0.22) }, hovertemplate: "share of the data %{y:.1%}<extra></extra>" },
    ...(names.length > 1 ? names.map((name, t) => curve(`${name} × ${short(layer.weights[i][t][j])}`, terms.map((of) => of[t] * layer.weights[i][t][j]), { color: withOpacity(color("accent"), 0.45), width: 1.2 })) : []),
    ...(view.isEdited ? [curve("as trained", xs.map((x) => edgeValue(view.network.layers[l], i, j, x)), { color: color("soft"), width: 2, dash: "dot" })] : []),
    curve("the edge", xs.map((x) => edgeValue(layer, i, j, x)), { color: color("accent"), width: 3.5 }),
  ];
  const fits = bestFit(view.edge);
  if (fits.length) traces.push(curve(`${fits[0].name}, R² ${determination(fits[0].r2)}`, xs.map((x) => evaluateFit(fits[0], x)), { color: color("warm"), width: 2, dash: "dash" }));
  const input = l === 0 ? dataOf(view.network).inputs[i] : null;
  const title = input ? `${input.name}, scaled from [${short(input.low)}, ${short(input.high)}] to [−1, 1]` : nodeName(l, i);
  draw(byId("edge"), traces, {
    bargap: 0.04,
    xaxis: { title: { text: title } },
    yaxis: { title: { text: `adds to ${nodeName(l + 1, j)}` }, overlaying: "y2", tickmode: "auto" },
    yaxis2: { visible: false, range: [0, 3.2 * Math.max(...bars.y)], side: "right", fixedrange: true },
  });
  byId("edge-title").textContent = `Edge ${edgeName(view.edge)}`;
  byId("candidate").innerHTML = describeEdge(fits);
}

function describeEdge(fits) {
  const [best, ...others] = fits.map((fit) => `${escape(formulaOf(fit))}, R² ${determination(fit.r2)}`);
  const { pieces } = view.layers[view.edge[0]];
  const parts = [
    best && `Symbolic candidate: <strong>${best}</strong>.`,
    others.length && `Also: ${others.join("; ")}.`,
    !best && view.network.candidates.length && "Symbolic candidates are fitted only to the most important edges.",
    pieces?.error > 1e-9 && `The page approximates the functions of ${escape(pieces.name)} by piecewise polynomials, with an error of at most ${short(pieces.error)}.`,
  ];
  return parts.filter(Boolean).join("<br>");
}

function drawCoefficients() {
  const [l, i, j] = view.edge;
  const largest = Math.max(...view.network.layers[l].weights.flat(2).map(Math.abs), 1e-3);
  const bound = Number((1.5 * largest).toPrecision(2));
  byId("coefficients").innerHTML = termNames(view.layers[l])
    .map((name, t) => {
      const value = view.layers[l].weights[i][t][j];
      return `<label><span>${escape(name)}</span><input type="range" min="${-bound}" max="${bound}" step="${bound / 500}" value="${value}" data-term="${t}"><output>${short(value)}</output></label>`;
    })
    .join("");
}

// The output

// Returns the walk that deviates most from the straight line between its ends.
function mostBent(walks) {
  const bends = walks.map((walk) => {
    const line = steps(walk[0], walk.at(-1), walk.length);
    return Math.max(...walk.map((value, k) => Math.abs(value - line[k])));
  });
  return bends.indexOf(Math.max(...bends));
}

function walkPoints() {
  const { inputs, walks, elsewhere } = dataOf(view.network);
  return steps(-1, 1, walks[view.walk].length).map((value) => inputs.map((_, k) => (k === view.walk ? value : elsewhere)));
}

function drawOutput() {
  const held = dataOf(view.network);
  const input = held.inputs[view.walk];
  const points = walkPoints();
  const x = points.map((point) => input.low + ((input.high - input.low) * (point[view.walk] + 1)) / 2);
  const ofNetwork = (layers) => predict(layers, points).map((value) => value * held.scale + held.mean);
  const curve = (name, y, line) => ({ x, y, name, mode: "lines", line, hovertemplate: `${name}<br>${input.name} = %{x:.4g}: %{y:.5g}<extra></extra>` });
  const traces = [
    curve("target", held.walks[view.walk], { color: color("neutral"), width: 6 }),
    ...(view.isEdited ? [curve("as trained", ofNetwork(view.network.layers), { color: color("soft"), width: 2, dash: "dot" })] : []),
    curve("network", ofNetwork(view.layers), { color: color("warm"), width: 2.2 }),
  ];
  traces[0].line.color = withOpacity(color("neutral"), 0.4);
  draw(byId("output"), traces, {
    xaxis: { title: { text: input.name } },
    yaxis: { title: { text: "f" } },
    showlegend: true,
    legend: { orientation: "h", y: 1.12, x: 0 },
    margin: { t: 34 },
  });
}

function drawMeter() {
  const held = dataOf(view.network);
  const error = relativeError(Array.from(view.runs.at(-1).outputs[0]), held);
  const count = held.x.length.toLocaleString("en");
  byId("meter").innerHTML = view.isEdited
    ? `Error on ${count} test points: ${short(view.trainedError)} as trained, <strong>${short(error)}</strong> now`
    : `Error on ${count} test points: <strong>${short(view.trainedError)}</strong>`;
  byId("restore").disabled = !view.isEdited;
}

function drawFacts() {
  const { network } = view;
  const off = Math.abs(network.reached / network.recorded - 1);
  const again =
    off < 1e-3
      ? `reached the same error on all test points, ${short(network.recorded)}`
      : `reached error ${short(network.reached)} on all test points, but the record says ${short(network.recorded)}: its training is sensitive to rounding`;
  byId("network-facts").textContent =
    `f = ${dataOf(network).formula}. ${network.method}, ${short(network.params)} parameters, seed ${network.seed}, cell ${network.cell.slice(0, 8)}. ` +
    `Trained again from its record, it ${again}.`;
}

// Interaction

function drawAll() {
  compute();
  drawFacts();
  drawGraph();
  drawTiles();
  drawEdge();
  drawCoefficients();
  drawOutput();
  drawMeter();
}

function choose(network) {
  const held = dataOf(network);
  const trainedError = relativeError(predict(network.layers, held.x), held);
  Object.assign(view, { network, layers: clone(network.layers), isEdited: false, trainedError, walk: mostBent(held.walks) });
  compute();
  view.edge = allEdges().reduce((best, edge) => (score(edge) > score(best) ? edge : best));
  byId("network").value = shown.indexOf(network);
  byId("walk").replaceChildren(...dataOf(network).inputs.map((input, k) => new Option(input.name, k)));
  byId("walk").value = view.walk;
  drawAll();
}

function chooseEdge(edge, within) {
  view.edge = edge;
  drawGraph();
  drawTiles();
  drawEdge();
  drawCoefficients();
  const place = document.querySelector(`#${within} [data-edge="${edge.join("-")}"]`);
  place.focus({ preventScroll: true });
}

function move(term, value) {
  const [l, i, j] = view.edge;
  view.layers[l].weights[i][term][j] = value;
  view.isEdited = true;
  view.runs = runAgain(view.layers, view.runs, l);
  view.scores = attribute(view.runs);
  drawGraph();
  drawEdge();
  drawOutput();
  drawMeter();
}

const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function startEdges(id) {
  const parent = byId(id);
  parent.addEventListener("click", ({ target }) => {
    const place = target.closest("[data-edge]");
    if (place) chooseEdge(place.dataset.edge.split("-").map(Number), id);
  });
  parent.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    const edges = allEdges().sort((a, b) => score(b) - score(a));
    const next = edges.findIndex(isChosen) + KEYS[event.key];
    chooseEdge(edges[(next + edges.length) % edges.length], id);
  });
}

export const hasNetwork = (record) => shown.some((network) => network.cell === record.cell && network.seed === record.seed);

export function showNetwork(record) {
  choose(shown.find((network) => network.cell === record.cell && network.seed === record.seed));
  byId("networks").scrollIntoView();
}

// Lists the networks that are not drawn, with the reasons.
function drawReasons() {
  const missing = groupBy(data.networks.filter((network) => !network.layers), (network) => network.reason);
  byId("not-drawn").textContent = [...missing]
    .map(([reason, of]) => `Not drawn: ${unique(of.map((network) => `${network.method} on ${network.task}`)).join(", ")} (${reason}).`)
    .join(" ");
}

export function startExplorer() {
  drawReasons();
  if (!shown.length) {
    const nothing = "This page was written without networks. To add them, use the option networks of python -m kanbench report.";
    byId("explorer").replaceChildren(data.networks.length ? byId("not-drawn") : nothing);
    return;
  }
  for (const [task, of] of groupBy(shown, (network) => network.task)) {
    const group = document.createElement("optgroup");
    group.label = task;
    group.append(...of.map((network) => new Option(`${task}: ${network.method}, ${network.role} (seed ${network.seed}, error ${short(network.recorded)})`, shown.indexOf(network))));
    byId("network").append(group);
  }
  byId("network").addEventListener("change", ({ target }) => choose(shown[target.value]));
  byId("walk").addEventListener("change", ({ target }) => {
    view.walk = Number(target.value);
    drawOutput();
  });
  byId("restore").addEventListener("click", () => {
    Object.assign(view, { layers: clone(view.network.layers), isEdited: false });
    drawAll();
  });
  byId("coefficients").addEventListener("input", ({ target }) => {
    const value = Number(target.value);
    target.nextElementSibling.textContent = short(value);
    target.parentElement.classList.add("changed");
    move(Number(target.dataset.term), value);
  });
  startEdges("graph");
  startEdges("tiles");
  choose(shown[0]);
  subscribe(drawAll);
}
