// Evaluation of a network: outputs, edges, scores. Samples are arrays of inputs; the values of a layer are one array per node.
import { expand } from "./bases.js";

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function standardDeviation(values) {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

// Evaluates one edge at one value of its input.
export function edgeValue(layer, i, j, x) {
  return expand(layer, x, i).reduce((sum, value, t) => sum + value * layer.weights[i][t][j], 0);
}

// Returns the values of all edges and nodes: edges[i][j][sample], outputs[j][sample]. `known` holds the functions at the
// inputs, known[i][sample][term].
function runLayer(layer, inputs, known = inputs.map((values, i) => Array.from(values, (x) => expand(layer, x, i)))) {
  const n = inputs[0].length;
  const outputs = layer.bias.map((bias) => new Float64Array(n).fill(bias));
  const edges = inputs.map((_, i) => {
    const ofInput = layer.bias.map(() => new Float64Array(n));
    known[i].forEach((terms, sample) => {
      ofInput.forEach((edge, j) => {
        let sum = 0;
        for (let t = 0; t < terms.length; t++) sum += terms[t] * layer.weights[i][t][j];
        edge[sample] = sum;
        outputs[j][sample] += sum;
      });
    });
    return ofInput;
  });
  return { inputs, known, edges, outputs };
}

// Evaluates all layers on samples x[sample][input].
export function run(layers, x) {
  let values = x[0].map((_, i) => Float64Array.from(x, (point) => point[i]));
  return layers.map((layer) => {
    const done = runLayer(layer, values);
    values = done.outputs;
    return done;
  });
}

// Evaluates again after coefficients of one layer have changed; earlier layers and the layer's functions are reused.
export function runAgain(layers, runs, changed) {
  let values = null;
  return layers.map((layer, l) => {
    if (l < changed) return runs[l];
    const done = l === changed ? runLayer(layer, runs[l].inputs, runs[l].known) : runLayer(layer, values);
    values = done.outputs;
    return done;
  });
}

export const predict = (layers, x) => Array.from(run(layers, x).at(-1).outputs[0]);

// Returns the scores of edges, from the outputs backwards (arXiv:2408.10205, 4.1). The score of an edge is that of its
// output node times the ratio of their standard deviations; the score of a node is the sum over the edges that leave it.
export function attribute(runs) {
  let nodes = runs.at(-1).outputs.map(() => 1);
  const scores = [];
  for (const { edges, outputs } of [...runs].reverse()) {
    const spreads = outputs.map(standardDeviation);
    const ofLayer = edges.map((row) =>
      row.map((edge, j) => (spreads[j] > 0 ? (nodes[j] * standardDeviation(edge)) / spreads[j] : 0)),
    );
    scores.unshift(ofLayer);
    nodes = ofLayer.map((row) => row.reduce((sum, score) => sum + score, 0));
  }
  return scores;
}

// Returns ||p - y|| / ||y - mean||, both in the units of the target.
export function relativeError(predictions, data) {
  let missed = 0;
  let spread = 0;
  data.y.forEach((y, k) => {
    missed += (predictions[k] * data.scale + data.mean - y) ** 2;
    spread += (y - data.mean) ** 2;
  });
  return Math.sqrt(missed / spread);
}
