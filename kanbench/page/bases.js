// The functions of edges: those of a basis as piecewise polynomials, and some named functions.

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

// erf(x) = 2 / sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!, whose terms all have the same sign.
export function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const named = {
  identity: (x) => x,
  relu: (x) => Math.max(x, 0),
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  tanh: Math.tanh,
  sin: Math.sin,
  cos: Math.cos,
};

// Evaluates a Chebyshev series at z in [-1, 1] by Clenshaw's recurrence.
function series(coefficients, z) {
  let next = 0;
  let afterNext = 0;
  for (let k = coefficients.length - 1; k > 0; k--) {
    const value = coefficients[k] + 2 * z * next - afterNext;
    afterNext = next;
    next = value;
  }
  return (coefficients[0] ?? 0) + z * next - afterNext;
}

// Finds the piece that contains x among sorted pieces [low, high, coefficients]; x outside them gives the nearest piece.
function piecewise(pieces, x) {
  let first = 0;
  let last = pieces.length - 1;
  while (first < last) {
    const middle = (first + last) >> 1;
    if (x <= pieces[middle][1]) last = middle;
    else first = middle + 1;
  }
  const [low, high, coefficients] = pieces[first];
  return series(coefficients, clamp((2 * x - low - high) / (high - low), -1, 1));
}

// Evaluates every function of a layer at one value of one of its inputs.
export function expand(layer, x, input) {
  const { pieces, squash } = layer;
  const z = squash ? squash[0] + ((Math.tanh(x) + 1) * (squash[1] - squash[0])) / 2 : x;
  const ofBasis = pieces ? pieces.inputs[pieces.inputs.length > 1 ? input : 0].map((each) => piecewise(each, z)) : [];
  return [...ofBasis, ...layer.named.map((name) => named[name](z))];
}

// Returns the names of the functions of a layer.
export function termNames({ pieces, named: names }) {
  const ofBasis = pieces ? pieces.inputs[0].map((_, t) => `${pieces.name} ${t + 1}`) : [];
  return [...ofBasis, ...names.map((name) => (name === "identity" ? "x" : `${name}(x)`))];
}
