// Downloads: tables as CSV, figures as SVG.
import { data } from "./store.js";
import { csv } from "./csv.js";
import { svgOf } from "./charts.js";

const fileName = (what, ending) => `${data.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "")}-${what}.${ending}`;

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Copies a drawing of the page with its computed styles.
const STYLES = ["fill", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "font-family", "font-size", "font-style"];

export function drawing(element) {
  const copy = element.cloneNode(true);
  const parts = [...copy.querySelectorAll("*")];
  element.querySelectorAll("*").forEach((original, k) => {
    const style = getComputedStyle(original);
    for (const name of STYLES) parts[k].setAttribute(name, style.getPropertyValue(name));
  });
  const { width, height } = element.viewBox.baseVal;
  Object.entries({ xmlns: "http://www.w3.org/2000/svg", width, height }).forEach(([name, value]) => copy.setAttribute(name, value));
  copy.style.background = getComputedStyle(element).backgroundColor;
  return new XMLSerializer().serializeToString(copy);
}

// Starts the download buttons. `tables` maps each table to a function that returns its visible rows.
export function startDownloads(tables) {
  for (const button of document.querySelectorAll("[data-csv]")) {
    const name = button.dataset.csv;
    button.addEventListener("click", () => save(fileName(name, "csv"), "text/csv", csv(tables[name]())));
  }
  for (const button of document.querySelectorAll("[data-svg]")) {
    const name = button.dataset.svg;
    const element = document.getElementById(name);
    const picture = () => (element instanceof SVGElement ? drawing(element) : svgOf(element));
    button.addEventListener("click", async () => save(fileName(name, "svg"), "image/svg+xml", await picture()));
  }
}
