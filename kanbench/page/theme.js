// Light and dark themes, and the style of each method, as in the figures.
import { data, update } from "./store.js";

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

export const color = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

export function startTheme() {
  const choice = document.getElementById("theme");
  const apply = () => {
    root.dataset.theme = choice.value || (system.matches ? "dark" : "light");
    update();
  };
  choice.addEventListener("change", apply);
  system.addEventListener("change", apply);
  root.dataset.theme = system.matches ? "dark" : "light";
}

const styles = Object.fromEntries(data.methods.map((style) => [style.method, style]));

// Returns a method's color in the theme, mark for Plotly (empty: none), dashes for Plotly and SVG, and line width.
export function lookOf(method) {
  const { light, dark, mark, dash, width } = styles[method];
  return {
    ink: root.dataset.theme === "dark" ? dark : light,
    mark,
    dash: dash.length ? dash.map((length) => `${length}px`).join(",") : "solid",
    strokes: dash.join(" "),
    width,
  };
}

export const withOpacity = (hex, opacity) => hex + Math.round(opacity * 255).toString(16).padStart(2, "0");
