// What is wider than its place says that it scrolls.

const WORDS = "There is more to the right: scroll this sideways.";

export function startCuts() {
  for (const element of document.querySelectorAll(".scroll")) {
    const note = document.createElement("p");
    note.className = "note cut";
    note.textContent = WORDS;
    element.before(note);
    const check = () => (note.hidden = element.scrollWidth <= element.clientWidth + 1);
    new ResizeObserver(check).observe(element);
    new MutationObserver(check).observe(element, { childList: true, subtree: true });
  }
}
