// The answer, and the error ratios of all methods to the baseline.
import { data, state, subscribe, groupBy, short } from "./store.js";
import { lookOf } from "./theme.js";
import { escape } from "./results.js";

const byId = (id) => document.getElementById(id);

// Puts the verdict first, its evidence after it, and what holds of kinds of tasks in small letters.
export function drawAnswer() {
  const lines = data.answer.split("\n").map((line) => {
    const [said, ...kinds] = line.split(/(?<=\.) (?=Error ratio by )/);
    const [verdict, ...evidence] = said.split(/(?=: error ratio )/);
    return `<strong>${escape(verdict)}</strong>${escape(evidence.join(""))}${kinds.map((kind) => `<small> ${escape(kind)}</small>`).join("")}`;
  });
  byId("answer").innerHTML = lines.join("\n");
  byId("answer-note").textContent = data.note;
}

const numbers = data.ratios.flatMap((row) => [row.ratio, row.ratio_low, row.ratio_high]).filter((value) => value > 0);
const ends = [Math.min(0.5, ...numbers), Math.max(2, ...numbers)].map(Math.log);
const place = (value) => 3 + (94 * (Math.log(value) - ends[0])) / (ends[1] - ends[0]);

function bar({ method, ratio, ratio_low: low, ratio_high: high }) {
  const { ink } = lookOf(method);
  const isHollow = low == null || (low <= 1 && high >= 1);
  const dot = (width, color) => `<path d="M${place(ratio)} 10h.01" stroke="${color}" stroke-width="${width}"/>`;
  const interval = low == null ? "" : `<path d="M${place(low)} 10H${place(high)}" stroke="${ink}" stroke-width="3"/>`;
  return `<svg class="ratio" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true"><path class="one" d="M${place(1)} 0V20"/>${interval}${dot(13, ink)}${isHollow ? dot(7, "var(--card)") : ""}</svg>`;
}

function row(each) {
  const interval = each.ratio_low == null ? "" : ` <span class="note">(${short(each.ratio_low)} – ${short(each.ratio_high)})</span>`;
  const counts = each.win == null ? "" : `${each.win} / ${each.tie} / ${each.loss}`;
  return `<tr><th scope="row" class="text">${escape(each.method)}</th><td class="bar">${bar(each)}</td><td>${short(each.ratio)}${interval}</td><td>${counts}</td></tr>`;
}

function drawRatios() {
  const shown = data.ratios.filter((each) => state.methods.has(each.method));
  const tables = [...groupBy(shown, (each) => each.budget)].reverse().map(
    ([budget, rows]) => `<table class="forest"><caption>${short(budget)} parameters, ${rows[0].tasks} tasks</caption>
      <thead><tr><th class="text">method</th><th class="bar">better ← 1 → worse</th><th>ratio</th><th>won / tied / lost</th></tr></thead>
      <tbody>${rows.map(row).join("")}</tbody></table>`,
  );
  byId("ratios").innerHTML = tables.join("");
}

export function startAgainst() {
  byId("against-title").textContent = `Against ${data.mark}`;
  subscribe(drawRatios);
  drawRatios();
}
