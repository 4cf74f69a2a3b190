// The page begins.
import { data } from "./store.js";
import { startTheme } from "./theme.js";
import { startResults, escape } from "./results.js";
import { startTable, filterRecords } from "./table.js";
import { startTraining, showTraining } from "./training.js";
import { startExplorer, showNetwork, hasNetwork } from "./explorer.js";

function drawOrigin() {
  const counted = (counts) => Object.entries(counts).map(([what, n]) => `${what || "not known"} (${n})`);
  const facts = {
    command: data.commands.map((command) => `<code>${escape(command)}</code>`),
    commit: counted(data.origin.commits).map((commit) => `${escape(commit)} records`),
    ...Object.fromEntries(Object.entries(data.origin.protocol).map(([name, value]) => [name, [escape(value)]])),
    "versions and machine": counted(data.origin.environments).map((each) => `${escape(each)} cells`),
    "this page": [escape(data.written)],
  };
  document.getElementById("origins").innerHTML = Object.entries(facts)
    .map(([name, values]) => `<dt>${name}</dt><dd>${values.join("<br>") || "–"}</dd>`)
    .join("");
}

startTheme();
document.getElementById("answer").textContent = data.answer;
const open = startTable({ hasNetwork, toNetwork: showNetwork, toTraining: showTraining });
startResults({ open, filter: filterRecords });
startTraining();
startExplorer();
drawOrigin();
