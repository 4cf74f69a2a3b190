// The library of the charts, which the page holds packed: as text it would be most of the file.

// Runs a packed script; the page names its hash, and lets no other run.
async function run(id) {
  if (!globalThis.DecompressionStream) {
    document.getElementById("answer").textContent = "This page needs a browser of 2023 or later: an older one cannot unpack its charts.";
    document.querySelector("main").removeAttribute("aria-busy");
    throw new Error("no DecompressionStream");
  }
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (character) => character.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(unpacked).text();
  document.head.append(script);
  script.remove();
}

await run("plotly");
export const Plotly = globalThis.Plotly;
