// Take home what a page shows: a picture (PNG, SVG), its numbers (CSV), or a file that slides by itself (HTML). All made here.

const SLIDING = ".scrub, .start, .strip, .photograph", CHART = ".js-plotly-plot", SKIPPED = ".modebar, .save, style, script, [hidden], option, [data-testid=stIconMaterial], [data-testid=stProgress], details:not([open]) > :not(summary)";
const SHARP = 2; // pixels of a PNG for one on the screen

// ------------------------------------------------------------------ a picture of anything on the page

// the elements below a node, also in shadow trees, in the order in which they are seen
function* below(node) {
  for (const child of (node.shadowRoot ?? node).children) { yield child; yield* below(child); }
}

const tag = (name, attributes, text = "") => `<${name} ${Object.entries(attributes).map(([k, v]) => `${k}="${escaped(v)}"`).join(" ")}>${escaped(text)}</${name}>`;
const ground = () => getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const visible = (colour) => !/^rgba\(.*, 0\)$|\/ 0\)$/.test(colour);
const PAINT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity", "font-size", "font-family", "font-weight", "text-anchor"];

// what is seen of an element, as SVG, its upper left corner at the origin
function drawn(root) {
  const origin = root.getBoundingClientRect(), parts = [];
  const place = ({ left, top, width, height }) => ({ x: left - origin.left, y: top - origin.top, width, height });
  const visit = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return void parts.push(...lines(node, place));
    if (node.nodeType !== Node.ELEMENT_NODE || node.matches(SKIPPED)) return;
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    if (style.visibility === "hidden" || style.opacity === "0") return;
    if (box.width && box.height) parts.push(...framed(style, place(box)), ...painted(node, place(box)));
    if (!(node instanceof SVGElement)) for (const child of node.shadowRoot?.childNodes ?? node.childNodes) visit(child);
  };
  visit(root);
  const size = { width: origin.width, height: origin.height };
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}">${tag("desc", {}, about().cite)}${tag("rect", { ...size, fill: ground() })}${parts.join("")}</svg>`;
}

// the background and border of a box
function framed(style, box) {
  const border = parseFloat(style.borderTopWidth) && visible(style.borderTopColor), ground = visible(style.backgroundColor);
  return border || ground ? [tag("rect", { ...box, rx: parseFloat(style.borderRadius) || 0, fill: ground ? style.backgroundColor : "none", stroke: border ? style.borderTopColor : "none", opacity: style.opacity })] : [];
}

// pictures, drawings and sliders
function painted(node, box) {
  if (node instanceof HTMLCanvasElement) return node.width > 1 ? [image(node.toDataURL(), box)] : [];
  if (node instanceof HTMLImageElement) return [image(copied(node), box)];
  if (node instanceof HTMLInputElement && node.type === "range") return node.matches(".strength") ? slider(node, box) : [];
  if (node instanceof HTMLSelectElement || node instanceof HTMLInputElement) return [tag("text", { x: box.x + 4, y: box.y + 0.7 * box.height, ...worded(getComputedStyle(node)) }, node.selectedOptions?.[0]?.text ?? (/text|number|search/.test(node.type) ? node.value : ""))];
  if (!(node instanceof SVGSVGElement)) return [];
  const copy = node.cloneNode(true), originals = [node, ...node.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((part, k) => { const style = getComputedStyle(originals[k]); for (const name of PAINT) part.style.setProperty(name, style.getPropertyValue(name)); if (part.tagName === "text" && !part.children.length) part.setAttribute("textLength", originals[k].getComputedTextLength()); });
  for (const [name, value] of Object.entries({ ...box, overflow: "visible" })) copy.setAttribute(name, value);
  return [new XMLSerializer().serializeToString(copy)];
}

const image = (href, box) => tag("image", { ...box, href, preserveAspectRatio: "none", style: "image-rendering: pixelated" });

function copied(picture) {
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.naturalWidth, height: picture.naturalHeight });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL();
}

function slider(node, { x, y, width, height }) {
  const at = x + 9 + (width - 18) * ((node.value - node.min) / (node.max - node.min || 1)), fill = getComputedStyle(node).getPropertyValue("--st-primary-color") || getComputedStyle(node).color;
  return [tag("rect", { x, y: y + height / 2 - 3, width, height: 6, rx: 3, fill: getComputedStyle(node).color, opacity: 0.25 }), tag("circle", { cx: at, cy: y + height / 2, r: 9, fill })];
}

const worded = (style) => ({ fill: style.color, "font-size": style.fontSize, "font-family": style.fontFamily, "font-weight": style.fontWeight });

// the lines of a text, each where it is seen
function lines(node, place) {
  const found = new Map(), range = document.createRange(), style = getComputedStyle(node.parentElement);
  for (const { index, 0: word } of node.data.matchAll(/\S+\s*/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.trimEnd().length);
    const [box] = range.getClientRects();
    if (!box || box.width <= 1) continue;
    const line = found.get(Math.round(box.top)) ?? { first: place(box), text: "" };
    found.set(Math.round(box.top), { ...line, text: line.text + word, width: place(box).x + box.width - line.first.x });
  }
  // its length is given, for whoever opens the file may lack the font
  return [...found.values()].map(({ first, text, width }) => tag("text", { x: first.x, y: first.y + 0.78 * first.height, textLength: width, lengthAdjust: "spacingAndGlyphs", ...worded(style) }, text.trimEnd()));
}

async function png(svg) {
  const picture = new Image();
  picture.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: SHARP * picture.width, height: SHARP * picture.height }), context = canvas.getContext("2d");
  context.scale(SHARP, SHARP);
  context.drawImage(picture, 0, 0);
  URL.revokeObjectURL(picture.src);
  return new Promise((resolve) => canvas.toBlob(resolve));
}

// ------------------------------------------------------------------ its numbers

// every series of a chart below the other: a row a point; a map a row a line
function plotted({ _fullData: traces, _fullLayout: layout }) {
  const named = (axis, other) => layout[axis]?.title?.text || other;
  const points = traces.filter((t) => t.visible === true && t.hoverinfo !== "skip" || t.y?.length).flatMap((t) => (t.z?.[0]?.length ? Array.from(t.z, (row) => [t.name, ...row]) : Array.from(t.x ?? t.y ?? [], (x, k) => [t.name, x, t.y?.[k] ?? ""])));
  return [["series", named("xaxis", "x"), named("yaxis", "y")], ...points];
}

const csv = (rows) => rows.map((row) => row.map((v) => (/[",\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : v ?? "")).join(",")).join("\r\n") + "\r\n";

// ------------------------------------------------------------------ a file that slides by itself

const base64 = (bytes) => { let text = ""; for (let k = 0; k < bytes.length; k += 32768) text += String.fromCharCode(...bytes.subarray(k, k + 32768)); return btoa(text); };
const quoted = (text) => JSON.stringify(text).replaceAll("<", "\\u003c");
const BEGUN = `<script>const noisescope = {
  bytes: (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)),
  root(html) { const root = document.querySelector("main").appendChild(document.createElement("div")).attachShadow({ mode: "open" }); root.innerHTML = html; return root; },
  nothing() {},
}</script>`;

// the component around `root` with all it was sent, as it stands, in one page; on a digit's layers one can draw, too
function slides(root, name, sources, { title, captions, cite }) {
  const { data, shown } = root.noisescope, [head, body] = opened(data), pieces = head.scene ? [...shelf(head.scene).values()].filter((p) => p?.data) : [];
  head.start = shown.at === undefined ? shown.level : { at: shown.at, kind: shown.kind, target: shown.target, level: shown.level };
  head.view = shown.words ?? head.view;
  if (name === "scrub") head.drawn = true;
  const sent = [...(head.weights ? [["weights", window.noisescopeNetworks.get(head.weights).data]] : []), ...pieces.map((p) => ["piece", p.data]), ...(head.drawn ? [["pad", new Uint8Array()]] : []), [name, rejoined(head, body)]];
  const script = ([part, bytes]) => {
    const { html, css, js } = sources[part], source = js.replace("export default function", "const begin = function").replaceAll("</script", "<\\/script");
    return `<script type="module">${source}\nbegin({ data: noisescope.bytes("${base64(bytes)}"), parentElement: noisescope.root(${quoted(`<style>${css}</style>${html}`)}), setStateValue: noisescope.nothing, setTriggerValue: noisescope.nothing });</script>`;
  };
  const drawing = shown.at === null ? `<script>sessionStorage.setItem("noisescope-drawing", ${quoted(sessionStorage.getItem("noisescope-drawing") ?? "")})</script>` : "";
  const theme = [...new Set(Object.values(sources).flatMap(({ css }) => css.match(/--st-[a-z-]+/g) ?? []))].map((v) => `${v}: ${getComputedStyle(root).getPropertyValue(v) || "inherit"}`).join("; ").replaceAll("<", "");
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<style>:root { ${theme} } body { background: ${ground()}; color: var(--st-text-color); font: 16px/1.5 var(--st-font); max-width: 90rem; margin: 1.5rem auto; padding: 0 1rem }</style>
<h1>${escaped(title)}</h1><main></main>${[...captions, cite].map((text) => tag("p", {}, text)).join("")}${drawing}${BEGUN}${sent.map(script).join("\n")}</html>`;
}

function rejoined(head, body) {
  const text = new TextEncoder().encode(JSON.stringify(head)), whole = new Uint8Array(4 + text.length + body.length);
  new DataView(whole.buffer).setUint32(0, text.length, true);
  whole.set(text, 4);
  whole.set(body, 4 + text.length);
  return whole;
}

// ------------------------------------------------------------------ the list

// what there is to save on the page: sliders, charts, and all of it
function things() {
  const found = [], title = document.title.split(" \u00b7 ")[0];
  for (const node of below(document.body)) {
    if (node.matches(SLIDING) && node.noisescope?.shown) found.push({ title: `Pictures, over ${node.noisescope.head.label.toLowerCase()}`, node, kind: node.classList[0], rows: () => node.noisescope.shown.numbers() });
    else if (node.matches(CHART) && node._fullLayout) found.push({ title: `Chart: ${[node._fullLayout.yaxis?.title?.text, node._fullLayout.xaxis?.title?.text].filter(Boolean).join(" over ") || "see the page"}`, node, rows: () => plotted(node) });
  }
  const page = document.querySelector("[data-testid=stMainBlockContainer]");
  return [...found, { title: "All of this page", node: page }].map((thing, k) => ({ ...thing, file: `noisescope-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")}-${k + 1}` }));
}

function hand(name, content) {
  const link = el("a", { href: URL.createObjectURL(content instanceof Blob ? content : new Blob([content])), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// what to say of it: the page's question, its captions, and how to cite it
function about() {
  const captions = [...document.querySelectorAll("[data-testid=stMain] [data-testid=stCaptionContainer]")].map((caption) => caption.innerText);
  return { title: document.title.split(" \u00b7 ")[0], captions, cite: `Noisescope, ${location.href}, ${new Date().toISOString().slice(0, 10)}.` };
}

class Save {
  constructor(root) {
    this.list = root.querySelector(".list");
    this.open = root.querySelector(".open");
    this.open.onclick = () => { this.list.hidden = !this.list.hidden; this.open.setAttribute("aria-expanded", String(!this.list.hidden)); this.show(); };
  }

  show() {
    const button = (text, click) => el("button", { type: "button", textContent: text, onclick: click });
    this.list.replaceChildren(...things().map(({ title, node, kind, rows, file }) => el("div", { className: "thing" }, el("b", { textContent: title }),
      button("PNG", async () => hand(`${file}.png`, await png(drawn(node)))),
      button("SVG", () => hand(`${file}.svg`, drawn(node))),
      ...(rows ? [button("CSV", () => hand(`${file}.csv`, csv([...rows(), [], [about().cite]])))] : []),
      ...(kind ? [button("HTML", () => this.ask((sources) => hand(`${file}.html`, slides(node, kind, sources, about()))))] : []))));
    this.list.append(el("p", { textContent: "CSV: the numbers. HTML: a file that still slides, without this server." }));
  }

  // do something with the components' own sources, which the server sends when they are first wanted
  ask(then) {
    if (this.sources) return then(this.sources);
    this.then = then;
    this.send(true);
  }
}

const saves = new WeakMap();
export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".save");
  if (!saves.has(root)) saves.set(root, new Save(root));
  const save = saves.get(root);
  save.send = (wanted) => setStateValue("wanted", wanted);
  if (!data?.sources || save.sources) return;
  save.sources = data.sources;
  save.send(false); // once is enough
  save.then?.(save.sources);
}
