// Labels elements that are wider than their container, so that a reader scrolls them.

const WORDS = "There is more to the right: scroll sideways.";

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
