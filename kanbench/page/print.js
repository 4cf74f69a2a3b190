// Printing: in light colors, as wide as the paper, with every panel drawn.
import { update } from "./store.js";
import { drawPanels } from "./panels.js";

const root = document.documentElement;

export function startPrint() {
  let theme = "";
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    root.classList.add("paper");
    update();
    drawPanels();
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = theme;
    root.classList.remove("paper");
    update();
  });
}
