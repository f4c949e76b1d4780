// The browser's history: a choice adds to it; a slider's move, and what a page says of itself when it opens, replace the last entry.
// Streamlit adds an entry for every change of the address; here it is told which of them a visitor has chosen.

const SLIDES = "input[type=range], [role=slider], .play, [data-testid=stSlider]";

function remember() {
  let chosen = false; // since the address changed last
  const notice = (event) => { chosen = !event.composedPath().some((node) => node.matches?.(SLIDES)); };
  for (const kind of ["pointerdown", "keydown", "change"]) document.addEventListener(kind, notice, true);
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) => {
    const elsewhere = new URL(url, location.href).pathname !== location.pathname;
    (elsewhere || chosen ? push : history.replaceState.bind(history))(state, title, url);
    chosen = false;
  };
  const opened = performance.getEntriesByType("navigation")[0]?.name;
  const skip = () => { if (location.href === opened) history.back(); };
  if (location.href !== opened) addEventListener("popstate", skip); // the page has said what it shows before this was here
  return true;
}
window.noisescopeHistory ??= remember();
