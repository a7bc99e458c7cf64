import { Store } from "./store.js";

const KEY = "weir-theme";
const THEMES = ["auto", "light", "dark"];

/** `auto` follows the system. */
export const theme = new Store(stored());

function stored() {
  const value = localStorage.getItem(KEY);
  return THEMES.includes(value) ? value : "auto";
}

/** Shows the chosen theme. */
export function applyTheme() {
  document.documentElement.dataset.theme = theme.value;
}

/** Chooses the next of auto, light and dark, and keeps the choice in this browser. */
export function nextTheme() {
  theme.set(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]);
  localStorage.setItem(KEY, theme.value);
  applyTheme();
}
