// The symbolic functions of kanbench/interpret/library.py, by name.

const functions = {
  0: () => 0,
  x: (u) => u,
  "x^2": (u) => u ** 2,
  "x^3": (u) => u ** 3,
  "x^4": (u) => u ** 4,
  "1/x": (u) => 1 / u,
  "1/x^2": (u) => 1 / u ** 2,
  sqrt: Math.sqrt,
  "1/sqrt": (u) => 1 / Math.sqrt(u),
  exp: Math.exp,
  log: Math.log,
  abs: Math.abs,
  sin: Math.sin,
  tan: Math.tan,
  tanh: Math.tanh,
  arctan: Math.atan,
  gaussian: (u) => Math.exp(-u * u),
};

// Returns c f(a x + b) + d as text.
export const evaluateFit = (fit, x) => (fit.c === 0 ? fit.d : fit.c * functions[fit.name](fit.a * x + fit.b) + fit.d);

const digits = (value) => Number(value.toPrecision(3)).toString().replace("-", "−");
const signed = (value) => (value < 0 ? ` − ${digits(-value)}` : ` + ${digits(value)}`);

function inner({ a, b }) {
  const scaled = a === 1 ? "x" : a === -1 ? "−x" : `${digits(a)} x`;
  return b === 0 ? scaled : scaled + signed(b);
}

const power = /^x\^(\d)$/;

export function formulaOf(fit) {
  if (fit.c === 0) return digits(fit.d);
  const u = inner(fit);
  const grouped = u === "x" ? u : `(${u})`;
  const wrapped =
    fit.name === "x" ? grouped
    : power.test(fit.name) ? grouped + "⁰¹²³⁴"[fit.name.at(-1)]
    : fit.name === "1/x" ? `1/${grouped}`
    : fit.name === "1/x^2" ? `1/${grouped}²`
    : fit.name === "1/sqrt" ? `1/sqrt(${u})`
    : `${fit.name}(${u})`;
  const shift = Math.abs(fit.d) < 1e-12 ? "" : signed(fit.d);
  return `${digits(fit.c)} ${wrapped.startsWith("1/") ? "· " : ""}${wrapped}${shift}`;
}

// Returns R^2 with up to six nines: 0.9731, 0.999967, above 0.999999.
export function determination(r2) {
  if (r2 > 0.999999) return "above 0.999999";
  const digits = r2 > 0 ? Math.max(4, Math.ceil(-Math.log10(1 - r2)) + 1) : 4;
  return r2.toFixed(digits);
}
