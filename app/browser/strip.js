// Images side by side under one slider: they come packed (strips.py), sliding paints them here.
// Where frames of some levels only are known, the nearest are shown, and who stays with them asks for the rest.

const AGAIN = 300, RARELY = 1500; // milliseconds between two questions, at first and later; the door rests after 2000 (app/door.py)

const svg = (tag, attributes = {}, text = "") => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
};

// a piece of a line, or a patch, in the colour of a series
const swatch = (colour, dashed = false, patch = false) => el("i", { className: "swatch", style: `border-top: ${patch ? 9 : 3}px ${dashed ? "dashed" : "solid"} ${colour}` });

class Strip extends Sliding {
  constructor(root, head, send, before) {
    super();
    Object.assign(this, { root, head, send });
    this.known = head.known ?? head.levels.map((_, k) => k);
    const same = head.refines && before?.head.id.startsWith(head.refines); // the slider has moved since, perhaps
    this.level = (same ? before.level : head.follows ? window.noisescopeLevel : head.start) ?? Math.floor(head.levels.length / 2);
    this.missing = !head.follows && this.known.length < head.levels.length;
    this.build();
    this.go(this.level);
    if (same && this.level !== head.start && !before.timer) send(this.level);
    root.setAttribute("aria-busy", "false");
  }

  stop() {
    super.stop();
    clearTimeout(this.staying);
  }

  // ask for the levels that are not known, if nothing moves for a while, until they come
  stay(after = this.head.stay, times = 0) {
    clearTimeout(this.staying);
    if (this.missing) this.staying = setTimeout(() => { this.send.stays(times); this.stay(Math.min(RARELY, AGAIN * 1.2 ** times), times + 1); }, after);
  }

  build() {
    const { root, head } = this, at = (s) => root.querySelector(s);
    root.classList.toggle("follows", !!head.follows);
    root.classList.toggle("some", this.missing);
    root.classList.toggle("single", head.levels.length < 2);
    const slider = at(".strength");
    this.listen(slider, at(".play"));
    this.tiles = head.tiles.map((tile) => {
      const canvas = el("canvas"), lines = tile.lines.map(() => el("span"));
      canvas.setAttribute("role", "img");
      const [, h, w] = head.arrays[tile.image].shape;
      Object.assign(canvas, { width: w, height: h, title: tile.hint });
      const figure = el("figure", {}, canvas, el("figcaption", {}, el("b", { textContent: tile.title }), ...lines));
      return { ...tile, canvas, lines, values: tile.lines, figure, context: canvas.getContext("2d") };
    });
    at(".tiles").replaceChildren(...this.tiles.map((t) => t.figure));
    at(".charts").replaceChildren();
    this.cursors = [];
    at(".charts").append(...[head.curve ?? []].flat().map((described) => this.curve(described)));
    if (head.histogram) at(".charts").append(this.histogram());
  }

  // value of an image at the level, flat index, 0 to 255
  frame(name) {
    const { frames, size, values } = this.head.arrays[name], start = (frames > 1 ? this.place : 0) * size;
    return values.subarray(start, start + size);
  }

  draw(tile) {
    const [c, h, w] = this.head.arrays[tile.image].shape, area = h * w, a = this.frame(tile.image);
    const b = tile.minus ? this.frame(tile.minus) : null, limit = 255 * this.head.limit;
    const image = (tile.picture ??= tile.context.createImageData(w, h)), out = image.data;
    for (let i = 0; i < area; i++) {
      if (b) {
        let d = 0;
        for (let k = 0; k < c; k++) d += a[k * area + i] - b[k * area + i];
        const [red, green, blue] = DIVERGING[Math.round(255 + 255 * Math.max(-1, Math.min(1, d / c / limit)))];
        out[4 * i] = red; out[4 * i + 1] = green; out[4 * i + 2] = blue;
      } else for (let k = 0; k < 3; k++) out[4 * i + k] = a[(c === 3 ? k * area : 0) + i];
      out[4 * i + 3] = 255;
    }
    tile.context.putImageData(image, 0, 0);
  }

  say(level) {
    const v = this.head.levels[level];
    return this.head.percent ? `${Math.round(100 * v)} %` : String(+v.toPrecision(3));
  }

  go(level) {
    this.level = Math.min(level, this.head.levels.length - 1);
    this.mark(`${this.say(this.level)} ${this.head.unit}`);
    const away = this.known.map((k) => Math.abs(k - this.level)), near = this.known[(this.place = away.indexOf(Math.min(...away)))];
    this.root.classList.toggle("near", near !== this.level);
    const shown = near === this.level ? "" : `, shown: ${this.say(near)}`;
    this.root.querySelector(".level").replaceChildren(this.say(this.level), el("small", { textContent: ` ${this.head.unit}${shown}` }));
    const first = this.tiles.map((t) => (t.values.length ? t.values[0].values[this.place] ?? Infinity : -Infinity)), best = Math.max(...first); // null: identical
    this.tiles.forEach((tile, k) => {
      this.draw(tile);
      const said = tile.values.map(({ text, values, digits }, n) => {
        const v = values.length > 1 ? values[this.place] : values[0];
        return (tile.lines[n].textContent = v === null ? "identical" : text.replace("{}", number(v, digits)));
      });
      if (this.head.follows) tile.figure.classList.toggle("best", first[k] === best && best > -Infinity);
      tile.canvas.setAttribute("aria-label", [tile.title, ...said].join(", "));
    });
    this.cursors.forEach((move) => move(this.level));
    this.bars?.();
    this.stay();
    if (this.head.follows) return;
    window.noisescopeLevel = this.level;
    window.dispatchEvent(new CustomEvent("noisescope-level", { detail: this.level }));
  }

  // its figures at every level that is known, below what they are called
  numbers() {
    const { head, known } = this, each = (v) => (v === null ? "inf" : v);
    const figures = head.tiles.flatMap(({ title, lines }) => lines.map(({ text, values }) => [`${title}: ${text.replace("{}", "").trim() || "value"}`, values]));
    const curves = [head.curve ?? []].flat().flatMap(({ title, series }) => series.map(({ name, values }) => [`${title}: ${name}`, values]));
    const columns = [...figures, ...curves];
    return [[`${head.label} (${head.unit})`, ...columns.map(([name]) => name)], ...known.map((k, n) => [head.levels[k], ...columns.map(([, values]) => each(values.length > 1 ? values[n] : values[0]))])];
  }

  // lines over the slider's values, with a cursor where it stands; where `top` is given, a line above it leaves the chart
  curve({ title, series, text, shaded, top: highest, bottom, wide }) {
    const last = Math.max(1, this.head.levels.length - 1), [W, H] = wide ? [760, 180] : [400, 130], box = svg("svg", { viewBox: `-34 -8 ${W + 44} ${H + 30}`, role: "img" });
    const values = series.flatMap((s) => s.values).filter((v) => v !== null);
    const top = highest ?? Math.ceil((Math.max(...values, 20) + 1) / 10) * 10, floor = bottom ?? Math.floor(Math.min(...values) / 10) * 10;
    const x = (k) => (W * k) / last, y = (v) => H * (1 - (Math.min(top, v ?? top) - floor) / (top - floor));
    const { known } = this, step = ((known[1] ?? 1) - known[0]) * (W / last);
    shaded.forEach((bad, k) => bad && box.append(svg("rect", { class: "harm", x: x(known[k]) - step / 2, y: 0, width: step, height: H })));
    box.append(svg("rect", { class: "frame", width: W, height: H }));
    for (const v of [floor, (floor + top) / 2, top]) box.append(svg("text", { x: -5, y: y(v) + 4, "text-anchor": "end" }, String(v)));
    for (const k of [0, last >> 1, last]) if (k < this.head.levels.length) box.append(svg("text", { x: x(k), y: H + 15, "text-anchor": "middle" }, this.say(k)));
    const key = el("p");
    series.forEach(({ name, values, colour, dashed }) => {
      box.append(svg("polyline", { points: values.map((v, i) => (highest && v > highest ? "" : `${x(known[i])},${y(v)}`)).join(" "), fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dashed ? "6 3" : "" }));
      if (name) key.append(swatch(colour, dashed), el("b", { textContent: name }), " \u00b7 ");
    });
    key.append(text);
    const line = svg("line", { class: "cursor", y1: 0, y2: H });
    box.append(line);
    this.cursors.push((level) => { line.setAttribute("x1", x(level)); line.setAttribute("x2", x(level)); });
    box.setAttribute("aria-label", title);
    return el("div", { className: wide ? "chart wide" : "chart" }, el("h2", { textContent: title }), box, key);
  }

  // the noise itself, value by value, before and after clipping
  histogram() {
    const colours = this.head.histogram, bins = this.head.arrays.before.size, W = 400, H = 130, box = svg("svg", { viewBox: `-34 -8 ${W + 44} ${H + 30}`, role: "img" });
    const step = W / bins, bars = Array.from({ length: bins }, (_, k) => svg("rect", { x: k * step, width: step - 0.6, fill: colours.after }));
    const outline = svg("polyline", { fill: "none", stroke: colours.before, "stroke-width": 2 }), tallest = svg("text", { x: -5, y: 4, "text-anchor": "end" });
    box.append(...bars, outline, svg("rect", { class: "frame", width: W, height: H }), tallest);
    for (const [v, text] of [[0, "\u22121"], [0.5, "0"], [1, "+1"]]) box.append(svg("text", { x: W * v, y: H + 15, "text-anchor": "middle" }, text));
    const shares = (name) => { const { low, high } = this.head.arrays[name]; return Array.from(this.frame(name), (v) => 100 * (low + (v / 65535) * (high - low))); };
    this.bars = () => {
      const [a, b] = [shares("before"), shares("after")], sorted = [...a, ...b].sort((p, q) => q - p), top = Math.max(2, sorted[0] > 4 * (sorted[2] || 1) ? 2 * (sorted[2] || 1) : sorted[0]), h = (v) => (H * Math.min(v, top)) / top;
      bars.forEach((bar, k) => { bar.setAttribute("y", H - h(b[k])); bar.setAttribute("height", h(b[k])); });
      outline.setAttribute("points", a.flatMap((v, k) => [`${k * step},${H - h(v)}`, `${(k + 1) * step},${H - h(v)}`]).join(" "));
      tallest.textContent = `${number(top, top < 10 ? 1 : 0)} %`;
    };
    box.setAttribute("aria-label", "Histogram of the noise");
    const key = el("p", {}, swatch(colours.before), el("b", { textContent: "as drawn" }), " \u00b7 ", swatch(colours.after, false, true), el("b", { textContent: "after clipping to a picture" }), ". Share of all values; a taller middle bar is cut off.");
    return el("div", { className: "chart" }, el("h2", { textContent: "The noise itself: how far it moves each value" }), box, key);
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".strip");
  arrive(root, data, setStateValue, (head, send, before) => {
    const strip = new Strip(root, head, send, before);
    if (before) window.removeEventListener("noisescope-level", before.hears);
    strip.hears = (event) => (root.isConnected ? strip.go(event.detail) : window.removeEventListener("noisescope-level", strip.hears));
    if (head.follows) window.addEventListener("noisescope-level", strip.hears);
    return strip;
  });
}
