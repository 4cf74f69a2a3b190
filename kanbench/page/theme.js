// Light and dark, and the look of each method: colour by basis, dashes by aggregation, markers that tell the rest apart.
import { data, update } from "./store.js";

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

export const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

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

const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x", "triangle-down", "star", "pentagon", "hexagon", "cross"];
const DASHES = { mean: "dash", sum_over_sqrt: "dot" };
const COLOURS = 7;
const bases = [...new Set(data.methods.map((each) => each.basis))].filter(Boolean);

export const looks = Object.fromEntries(
  data.methods.map((each, index) => {
    const place = bases.indexOf(each.basis);
    return [
      each.method,
      {
        colour: each.basis ? `c${place % COLOURS}` : "neutral",
        symbol: SYMBOLS[index % SYMBOLS.length],
        dash: each.basis ? (DASHES[each.aggregation] ?? "solid") : each.activation ? "longdash" : "dot",
      },
    ];
  }),
);

export const withOpacity = (hex, opacity) => hex + Math.round(opacity * 255).toString(16).padStart(2, "0");
