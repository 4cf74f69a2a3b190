// Plotly charts in the style of the page.
import { Plotly } from "./plotly.js";
import { color } from "./theme.js";

const touch = matchMedia("(pointer: coarse)").matches;

const merge = (base, more) => {
  const merged = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const both = value?.constructor === Object && base[key]?.constructor === Object;
    merged[key] = both ? merge(base[key], value) : value;
  }
  return merged;
};

const axis = () => ({
  gridcolor: color("grid"),
  linecolor: color("line"),
  zerolinecolor: color("line"),
  ticks: "outside",
  tickcolor: color("line"),
  title: { standoff: 8 },
  automargin: true,
});

const baseLayout = () => ({
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  font: { family: "system-ui, sans-serif", size: 13, color: color("text") },
  margin: { l: 52, r: 14, t: 14, b: 42 },
  showlegend: false,
  hovermode: "closest",
  dragmode: touch ? false : "zoom",
  hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("text") }, align: "left" },
  xaxis: axis(),
  yaxis: axis(),
});

const CONFIG = {
  responsive: true,
  displaylogo: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
  displayModeBar: false,
};

export const sizes = { type: "log", tickformat: ",~r", tickangle: 0 };
export const errors = { type: "log", exponentformat: "power" };

// Fits charts to their containers: Plotly keeps the size that a chart had when it was drawn.
export function draw(element, traces, layout, config = {}) {
  Plotly.react(element, traces, merge(baseLayout(), layout), { ...CONFIG, ...config });
  const { width, height } = element._fullLayout;
  const off = Math.max(Math.abs(width - element.offsetWidth), Math.abs(height - element.offsetHeight));
  if (off > 2) Plotly.relayout(element, { autosize: true });
}

// Returns a promise of a chart as the text of an SVG file, with a legend.
export function svgOf(element) {
  const { data, layout, clientWidth: width, clientHeight: height } = element;
  const named = new Set(data.map((trace) => trace.name).filter(Boolean));
  const whole = { ...layout, showlegend: named.size > 1, paper_bgcolor: color("card"), margin: { ...layout.margin, t: 40 } };
  const wide = named.size > 1 && !layout.showlegend ? width + 200 : width;
  return Plotly.toImage({ data, layout: whole }, { format: "svg", width: wide, height, imageDataOnly: true });
}

// Zooms about the middle of the plot; the factor 0 shows everything.
export function zoom(element, factor) {
  if (!factor) return Plotly.relayout(element, { "xaxis.autorange": true, "yaxis.autorange": true });
  const around = ({ range: [low, high] }) => {
    const [middle, half] = [(low + high) / 2, (factor * (high - low)) / 2];
    return [middle - half, middle + half];
  };
  const { xaxis, yaxis } = element.layout;
  return Plotly.relayout(element, { "xaxis.range": around(xaxis), "yaxis.range": around(yaxis) });
}
