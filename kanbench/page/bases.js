// The functions of the bases, as kanbench/bases has them. A basis is plain data: its kind and its settings.

const toUnit = (basis, x) => (x - basis.low) / ((basis.high - basis.low) / 2) - 1;
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const range = (n) => Array.from({ length: n }, (_, i) => i);

const silu = (x) => x / (1 + Math.exp(-x));

// 2 / sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!, whose terms all have one sign.
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

const activations = {
  identity: (x) => x,
  relu: (x) => Math.max(x, 0),
  silu,
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  tanh: Math.tanh,
};

// Cox and de Boor's recursion on the span of x; zero off the outermost knots.
function splines(x, knots, degree) {
  const nTerms = knots.length - degree - 1;
  const values = new Array(nTerms).fill(0);
  if (x < knots[0] || x >= knots[knots.length - 1]) return values;
  let span = 0;
  while (x >= knots[span + 1]) span++;
  const at = (i) => knots[clamp(i, 0, knots.length - 1)];
  let pieces = [1];
  for (let k = 1; k <= degree; k++) {
    const next = new Array(k + 1).fill(0);
    pieces.forEach((piece, j) => {
      const left = at(span + 1 - k + j);
      const right = at(span + 1 + j);
      const share = piece / (right - left);
      next[j] += (right - x) * share;
      next[j + 1] += (x - left) * share;
    });
    pieces = next;
  }
  pieces.forEach((piece, j) => {
    const term = span - degree + j;
    if (term >= 0 && term < nTerms) values[term] = piece;
  });
  return values;
}

function uniformKnots({ low, high, intervals, degree }) {
  const step = (high - low) / intervals;
  return range(intervals + 2 * degree + 1).map((i) => low + (i - degree) * step);
}

function polynomials(first, second, next, basis) {
  const values = [first, second];
  while (values.length <= basis.degree) values.push(next(values));
  return values.slice(basis.constant ? 0 : 1, basis.degree + 1);
}

// A Chebyshev series at z in [-1, 1], by Clenshaw's recurrence.
function series(coefficients, z) {
  let [next, afterNext] = [0, 0];
  for (let k = coefficients.length - 1; k > 0; k--) [next, afterNext] = [coefficients[k] + 2 * z * next - afterNext, next];
  return (coefficients[0] ?? 0) + z * next - afterNext;
}

// Of pieces [low, high, coefficients] in order, the one that holds x; the first and the last reach no farther.
function piecewise(pieces, x) {
  let [first, last] = [0, pieces.length - 1];
  while (first < last) {
    const middle = (first + last) >> 1;
    if (x <= pieces[middle][1]) last = middle;
    else first = middle + 1;
  }
  const [low, high, coefficients] = pieces[first];
  return series(coefficients, clamp((2 * x - low - high) / (high - low), -1, 1));
}

const families = {
  BSpline: (basis, x, input) => splines(x, basis.knots ? basis.knots[input] : uniformKnots(basis), basis.degree),
  Chebyshev: (basis, x) => {
    const z = clamp(toUnit(basis, x), -1, 1);
    return polynomials(1, z, (values) => 2 * z * values.at(-1) - values.at(-2), basis);
  },
  Taylor: (basis, x) => {
    const z = clamp(toUnit(basis, x), -1, 1);
    return polynomials(1, z, (values) => z * values.at(-1), basis);
  },
  Fourier: (basis, x) => {
    const angles = range(basis.harmonics).map((k) => ((k + 1) * Math.PI * toUnit(basis, x)) / basis.periods);
    return [...angles.map(Math.sin), ...angles.map(Math.cos)];
  },
  RBF: (basis, x) => {
    const spacing = 2 / (basis.centres - 1);
    const z = toUnit(basis, x);
    return range(basis.centres).map((k) => Math.exp(-(((z + 1 - k * spacing) / (basis.width * spacing)) ** 2)));
  },
  ReLUBumps: (basis, x) => {
    const z = toUnit(basis, x);
    return range(basis.intervals + basis.overlap).map((k) => {
      const u = ((z + 1) * basis.intervals - 1 + basis.overlap - 2 * k) / (basis.overlap + 1);
      return (1 - clamp(u, -1, 1) ** 2) ** 2;
    });
  },
  Rational: (basis, x, input) => {
    const z = clamp(toUnit(basis, x), -1, 1);
    const q = basis.inner[input].reduce((sum, b, k) => sum + b * z ** (k + 1), z * z);
    return range(basis.numerator + 1).map((t) => z ** t / (1 + Math.abs(q)));
  },
  pieces: ({ inputs }, x, input) => inputs[inputs.length > 1 ? input : 0].map((pieces) => piecewise(pieces, x)),
};

// Every function of a layer at one value of one of its inputs, the base branch last.
export function expand(layer, x, input) {
  const { functions, squash, base } = layer;
  const z = squash ? squash[0] + ((Math.tanh(x) + 1) * (squash[1] - squash[0])) / 2 : x;
  const family = families[functions.kind];
  const values = family ? family(functions, z, input) : [activations[functions.kind](z)];
  if (base) values.push(base === "silu" ? silu(z) : z);
  return values;
}

const names = {
  BSpline: (basis, t) => `B${t + 1}`,
  Chebyshev: (basis, t) => `T${t + !basis.constant}`,
  Taylor: (basis, t) => `z^${t + !basis.constant}`,
  Fourier: (basis, t) => (t < basis.harmonics ? `sin ${t + 1}` : `cos ${t + 1 - basis.harmonics}`),
  RBF: (basis, t) => `bump ${t + 1}`,
  ReLUBumps: (basis, t) => `bump ${t + 1}`,
  Rational: (basis, t) => `z^${t} / (1 + |Q|)`,
  pieces: (basis, t) => `${basis.name} ${t + 1}`,
};

// What the functions of a layer are called.
export function termNames(layer) {
  const { functions, base } = layer;
  const name = names[functions.kind] ?? (() => (functions.kind === "identity" ? "x" : `${functions.kind}(x)`));
  const count = layer.weights[0].length;
  return range(count).map((t) => (base && t === count - 1 ? base : name(functions, t)));
}
