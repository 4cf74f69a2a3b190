// Starts the page.
import { data, plural } from "./store.js";
import { startTheme } from "./theme.js";
import { startResults, escape, summaryRows } from "./results.js";
import { startPanels } from "./panels.js";
import { startAgainst, drawAnswer } from "./against.js";
import { startTask } from "./task.js";
import { startSearch } from "./search.js";
import { startSolutions, solutionRows } from "./solutions.js";
import { startTable, filterRecords, matching } from "./table.js";
import { startTraining, showTraining, hasTraining } from "./training.js";
import { startDownloads } from "./download.js";
import { startCuts } from "./cut.js";
import { startPrint } from "./print.js";
import { startExplorer, showNetwork, hasNetwork } from "./explorer.js";

function drawOrigin() {
  const counted = (counts, noun) => Object.entries(counts).map(([what, n]) => `${escape(what || "not known")} (${plural(n, noun)})`);
  const facts = {
    command: data.commands.map((command) => `<code>${escape(command)}</code>`),
    commit: counted(data.origin.commits, "record"),
    ...Object.fromEntries(Object.entries(data.origin.protocol).map(([name, value]) => [name, [escape(value)]])),
    "versions and machine": counted(data.origin.environments, "cell"),
    "this page": [escape(data.written)],
  };
  document.getElementById("origins").innerHTML = Object.entries(facts)
    .map(([name, values]) => `<dt>${name}</dt><dd>${values.join("<br>") || "–"}</dd>`)
    .join("");
}

// Hides the views for which there is nothing, such as the curves of a table of records.
function hideEmpty() {
  const empty = { against: !data.ratios.length, search: !Object.keys(data.search).length, training: !Object.keys(data.curves).length, solutions: !data.solutions.length };
  if (!Object.keys(data.curves).length) empty.networks = !data.networks.length;
  for (const [name, isEmpty] of Object.entries(empty)) {
    for (const element of document.querySelectorAll(`#${name}, nav a[href="#${name}"]`)) element.hidden = isEmpty;
  }
}

startTheme();
drawAnswer();
hideEmpty();
const open = startTable({ hasNetwork, hasTraining, toNetwork: showNetwork, toTraining: showTraining });
startResults({ open, filter: filterRecords });
startPanels();
startAgainst();
startTask();
startSearch();
startSolutions();
startTraining();
startExplorer();
drawOrigin();
startDownloads({ summary: summaryRows, records: matching, solution: solutionRows });
startCuts();
startPrint();
document.querySelector("main").removeAttribute("aria-busy");
