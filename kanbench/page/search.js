// The search of shapes: what was tried, what was chosen, what came second, and what is at the end of its list.
import { data, state, subscribe, budgets, groupBy, rowsOf, short, unique } from "./store.js";
import { lookOf } from "./theme.js";
import { escape } from "./results.js";
import { share, chosen, known } from "./task.js";

const byId = (id) => document.getElementById(id);
const trials = rowsOf(data.search);
const searches = groupBy(trials, (trial) => `${trial.task}\n${trial.budget}`);
const WORDS = { chosen: "chosen", second: "second", later: "", outranked: "stopped early" };
const ALL = "all methods";

// Returns a bar whose length is the logarithm of the error, from the lowest to the highest of those shown.
function bar(error, low, high, ink) {
  const share = high > low ? Math.log(error / low) / Math.log(high / low) : 0;
  return error > 0 ? `<span class="length" style="width:${(4 + 96 * share).toFixed(1)}%;background:${ink}"></span>` : "";
}

function line(trial, low, high, best) {
  const times = best > 0 && trial.error != null ? `${short(trial.error / best)}×` : "";
  const end = trial.at_edge ? `<span class="end">end of its list</span>` : "";
  return `<tr class="${trial.place}"><td class="text shape">${escape(trial.shape_label)}</td><td class="text">${WORDS[trial.place]} ${end}</td>
    <td>${short(trial.error)}</td><td>${times}</td><td class="text bars">${bar(trial.error, low, high, lookOf(trial.method).ink)}</td>
    <td>${escape(trial.shape)}</td><td>${short(trial.depth)}</td><td>${short(trial.searched_size)}</td><td>${short(trial.params)}</td><td>${trial.seeds}</td></tr>`;
}

function drawTrials() {
  const choice = byId("search-method").value;
  const at = (searches.get(`${chosen()}\n${state.size}`) ?? []).filter((trial) => (choice === ALL ? state.methods.has(trial.method) : trial.method === choice));
  const errors = at.map((trial) => trial.error).filter((error) => error > 0);
  const [low, high] = [Math.min(...errors), Math.max(...errors)];
  const body = [...groupBy(at, (trial) => trial.method).values()].flatMap((of) => {
    const best = of.find((trial) => trial.place === "chosen")?.error;
    return of.map((trial) => line(trial, low, high, best));
  });
  byId("trials").innerHTML = body.length
    ? `<table><caption>${escape(chosen())} at ${short(state.size)} parameters</caption><thead><tr><th class="text shape">shape</th><th class="text">place</th><th>validation error</th><th>over the chosen</th><th class="text">on a log scale</th><th>nodes</th><th>depth</th><th>size or gain</th><th>parameters</th><th>seeds</th></tr></thead><tbody>${body.join("")}</tbody></table>`
    : `<p class="note">No search of this task at this size.</p>`;
}

// Counts the tasks of each depth and size, for every method at the chosen size.
function drawChoices() {
  const best = trials.filter((trial) => trial.place === "chosen" && trial.budget === state.size && state.methods.has(trial.method));
  const depths = unique(trials.map((trial) => trial.depth)).sort((a, b) => a - b);
  const count = (rows, name, value) => rows.filter((trial) => trial[name] === value).length;
  const body = [...groupBy(best, (trial) => trial.method)].map(([method, rows]) => {
    const sizes = unique(trials.filter((trial) => trial.method === method && trial.searched_size != null).map((trial) => trial.searched_size)).sort((a, b) => a - b);
    const bySize = sizes.map((size) => `${short(size)}: ${count(rows, "searched_size", size)}`).join(", ");
    const ends = rows.filter((trial) => trial.at_edge).length;
    return `<tr><td class="text">${escape(method)}</td>${depths.map((depth) => `<td>${count(rows, "depth", depth)}</td>`).join("")}<td class="text">${bySize}</td><td>${ends} of ${rows.length}</td></tr>`;
  });
  const heads = depths.map((depth) => `<th>depth ${depth}</th>`).join("");
  byId("choices").innerHTML = `<table><thead><tr><th class="text">method at ${short(state.size)}</th>${heads}<th class="text">size or gain: tasks</th><th>at an end</th></tr></thead><tbody>${body.join("")}</tbody></table>`;
}

export function startSearch() {
  if (!trials.length) return;
  const choice = byId("search-method");
  choice.append(...[ALL, ...unique(trials.map((trial) => trial.method))].map((name) => new Option(name, name)));
  choice.value = data.ratios.at(-1)?.budget ? data.ratios.find((row) => row.budget === budgets.at(-1))?.method ?? ALL : ALL;
  choice.addEventListener("change", drawTrials);
  share("search-task", known, "task");
  share("search-size", budgets, "size");
  for (const draw of [drawTrials, drawChoices]) {
    subscribe(draw);
    draw();
  }
}
