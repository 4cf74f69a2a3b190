// Converts rows to a CSV file (RFC 4180) with a header.

// Marks texts that a spreadsheet would take for formulas, as kanbench/analysis/spreadsheet.py does.
function marked(text) {
  const lines = text.replaceAll("\r", "\n");
  return /^'*[=+\-@\t\n]/.test(lines) ? `'${lines}` : lines;
}

function field(value) {
  if (value == null) return "";
  const text = typeof value === "string" ? marked(value) : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(rows) {
  const names = [...new Set(rows.flatMap(Object.keys))];
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((line) => `${line.map(field).join(",")}\r\n`).join("");
}
