// The words of the field where they stand: dotted at their first place on the page, explained to who points at them, listed at its end.

const SILENT = ".st-key-chapter, code, pre, svg, style, script, .words, .tip, .save, [hidden], [data-testid=stIconMaterial], details:not([open]) > :not(summary)";
const CALM = 400; // milliseconds without a change of the page

// texts in the order in which they are read, also in shadow trees, of which `met` hears, and what is chosen in fields
function* texts(node, met) {
  if (node.shadowRoot) met(node.shadowRoot);
  for (const child of (node.shadowRoot ?? node).childNodes) {
    if (child.nodeType === Node.TEXT_NODE) yield child;
    else if (child instanceof HTMLInputElement) yield { data: child.value };
    else if (child.nodeType === Node.ELEMENT_NODE && !child.matches(SILENT)) yield* texts(child, met);
  }
}

function part(text, start, length) {
  const range = document.createRange();
  range.setStart(text, start);
  range.setEnd(text, start + length);
  return range;
}

class Words {
  constructor(root, terms, page) {
    Object.assign(this, { list: root.querySelector(".words"), tip: root.querySelector(".tip"), page, terms, found: new Map() });
    const forms = Object.entries(terms).flatMap(([name, { forms }]) => forms.map((form) => [form.toLowerCase(), { form, name }]));
    this.named = new Map(forms);
    const either = forms.map(([form]) => form).sort((a, b) => b.length - a.length);
    this.pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${either.join("|")})(?![\\p{L}\\p{N}])`, "giu");
    const changed = new MutationObserver((changes) => { if (!changes.every(({ target }) => root.contains(target))) this.later(); });
    this.watch = (node) => changed.observe(node, { childList: true, subtree: true, characterData: true });
    this.watch(page);
    document.addEventListener("pointermove", (e) => this.point(e));
    document.addEventListener("pointerdown", (e) => this.point(e));
    document.addEventListener("scroll", () => (this.tip.hidden = true), true);
    this.look();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), CALM);
  }

  // find every word where it first stands
  look() {
    const found = new Map();
    for (const text of texts(this.page, this.watch))
      for (const { 0: said, index } of text.data.matchAll(this.pattern)) {
        const { form, name } = this.named.get(said.toLowerCase());
        if (found.has(name) || (/\p{Lu}/u.test(form) && said !== form)) continue; // capitals are part of a name
        found.set(name, text instanceof Text ? part(text, index, said.length) : null);
      }
    this.found = found;
    if (CSS.highlights) CSS.highlights.set("noisescope-word", new Highlight(...[...found.values()].filter(Boolean)));
    this.tell([...found.keys()].sort((a, b) => a.localeCompare(b)));
  }

  tell(names) {
    this.list.hidden = !names.length;
    if (this.told === names.join()) return;
    this.told = names.join();
    this.list.querySelector("summary").textContent = `Words on this page: ${names.join(", ")}`;
    this.list.querySelector("dl").replaceChildren(...names.map((name) => el("div", {}, el("dt", { textContent: name }), el("dd", { textContent: this.terms[name].says }))));
  }

  point({ clientX: x, clientY: y }) {
    const over = [...this.found].find(([, range]) => range && [...range.getClientRects()].some((r) => x >= r.left && x <= r.right && y >= r.top && y <= r.bottom));
    this.tip.hidden = !over;
    if (!over) return;
    this.tip.replaceChildren(el("b", { textContent: over[0] }), `: ${this.terms[over[0]].says}`);
    const { width, height } = this.tip.getBoundingClientRect(), below = y + 18 + height < innerHeight;
    Object.assign(this.tip.style, { left: `${Math.max(4, Math.min(x, innerWidth - width - 8))}px`, top: `${below ? y + 18 : y - 12 - height}px` });
  }
}

const spoken = new WeakSet();
export default function ({ data, parentElement }) {
  const list = parentElement.querySelector(".words"), page = document.querySelector("[data-testid=stMain]");
  if (spoken.has(list) || !page) return;
  spoken.add(list);
  new Words(parentElement, data, page);
}
