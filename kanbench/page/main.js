// Starts the page.
import { data, plural } from "./store.js";
import { startTheme } from "./theme.js";
import { startResults, escape, summaryRows } from "./results.js";
import { startPanels } from "./panels.js";
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

startTheme();
document.getElementById("answer").textContent = data.answer;
const open = startTable({ hasNetwork, hasTraining, toNetwork: showNetwork, toTraining: showTraining });
startResults({ open, filter: filterRecords });
startPanels();
startTraining();
startExplorer();
drawOrigin();
startDownloads({ summary: summaryRows, records: matching });
startCuts();
startPrint();
