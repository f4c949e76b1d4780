// Client-side scrubbing: frames come packed once (frames.py), sliding paints them here.

const SCALES = [["map", "each map"], ["layer", "each layer"], ["shared", "all layers"]];
const VIEWS = ["clean", "seen", "change"];
const HINTS = {
  map: "Each map uses its own range over all strengths: small effects show.",
  layer: "The maps of a layer share one range over all strengths: their brightness can be compared.",
  shared: "All layers share one range: see which layer speaks loudest.",
};

// the range that holds all of these
const widest = (ranges) => ({ low: Math.min(...ranges.map((r) => r.low)), high: Math.max(...ranges.map((r) => r.high)), change: Math.max(...ranges.map((r) => r.change)) });

class Scrub extends Sliding {
  constructor(root, head, send, net, aim) {
    super();
    Object.assign(this, { root, head, send, net, aim, stageOf: net.groups.map(() => 0), scale: "layer", picked: null });
    this.layers = Object.fromEntries(net.layers.map((layer) => [layer.name, layer]));
    this.stages = Object.fromEntries([["image", head.arrays.image.shape], ...net.layers.map(({ name, shape }) => [name, shape])].map(([name, shape]) => [name, { shape, size: size(shape), frames: [] }]));
    this.level = head.start ?? Math.round(head.levels.length / 5);
    this.run(head.levels.map((_, level) => level + 1).concat(0), (k) => frame(head.arrays.image, k));
    this.measure();
    this.build();
    this.paint();
    root.setAttribute("aria-busy", "false");
  }

  // run images through the network: frame 0 is the clean one, frame k + 1 what strength k makes of it
  run(frames, image) {
    for (const frame of frames) for (const [name, values] of Object.entries(this.net.stages(image(frame)))) this.stages[name].frames[frame] = values;
  }

  value(name, frame, index) {
    return this.stages[name].frames[frame][index];
  }

  answers(frame) {
    return softmax(this.stages.logits.frames[frame]);
  }

  // per map and per stage: the range of the values and the largest change, over all strengths
  measure() {
    for (const s of Object.values(this.stages)) {
      const [c, h, w] = s.shape, area = h * w, [clean] = s.frames;
      s.maps = Array.from({ length: c }, () => ({ low: Infinity, high: -Infinity, change: 1e-9 }));
      s.frames.forEach((values) => {
        for (let i = 0; i < s.size; i++) {
          const map = s.maps[(i / area) | 0], v = values[i], d = Math.abs(v - clean[i]);
          if (v < map.low) map.low = v;
          if (v > map.high) map.high = v;
          if (d > map.change) map.change = d;
        }
      });
      Object.assign(s, widest(s.maps));
    }
    this.shared = widest(this.net.layers.filter(({ operation }) => operation !== "logits").map(({ name }) => this.stages[name]));
  }

  range(name, map) {
    const s = this.stages[name];
    if (name === "image") return { low: 0, high: 1, change: s.change / 2 }; // twice as strong as the largest change: small ones show
    return this.scale === "map" ? s.maps[map] : this.scale === "layer" ? s : this.shared;
  }

  draw(canvas, name, map, view) {
    const [, h, w] = this.stages[name].shape, { low, high, change } = this.range(name, map);
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; canvas.image = null; }
    const context = (canvas.context ??= canvas.getContext("2d"));
    const image = (canvas.image ??= context.createImageData(w, h)), frame = view === "clean" ? 0 : this.level + 1;
    for (let i = 0; i < h * w; i++) {
      const v = this.value(name, frame, map * h * w + i);
      const [r, g, b] = view === "change"
        ? DIVERGING[Math.round(255 + 255 * Math.max(-1, Math.min(1, (v - this.value(name, 0, map * h * w + i)) / change)))]
        : GREYS[Math.round(255 * Math.max(0, Math.min(1, (v - low) / (high - low || 1))))];
      image.data.set([r, g, b, 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
  }

  build() {
    const { root, head, net } = this, at = (s) => root.querySelector(s);
    root.dataset.kind = head.kind;
    const slider = at(".strength");
    this.listen(slider, at(".play"));
    at(".scale")?.remove();
    const flow = at(".flow");
    flow.replaceChildren();
    this.tiles = [];
    flow.append(this.input());
    net.groups.forEach((group, g) => flow.append(el("span", { className: "arrow", textContent: "\u2192" }), this.column(group, g)));
    flow.append(el("span", { className: "arrow", textContent: "\u2192" }), (this.answer = new Answer(head.truth, this.aim)).element);
    const choice = el("select", { className: "scale-choice", title: HINTS[this.scale] }, ...SCALES.map(([value, text]) => new Option(text, value, false, value === this.scale)));
    choice.onchange = () => { this.scale = choice.value; choice.title = HINTS[this.scale]; this.paint(); };
    at(".controls").append(el("label", { className: "scale", style: "flex: none" }, "Colours: one range for", choice));
    at(".inspector").hidden = true;
  }

  tile(name, map, view, label, pick) {
    const canvas = el("canvas"), tile = el(pick ? "button" : "div", { className: "tile" }, canvas);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    const [, h, w] = this.stages[name].shape;
    canvas.style.setProperty("--aspect", `${w} / ${h}`);
    if (pick) { tile.type = "button"; tile.title = label + ": click to enlarge"; tile.onclick = pick; }
    this.tiles.push({ canvas, tile, name, map, view });
    return tile;
  }

  input() {
    const titles = { clean: "clean image", change: "what we add", seen: "what the network sees" };
    const figures = ["clean", "change", "seen"].map((view) =>
      el("figure", { className: view }, this.tile("image", 0, view, titles[view], () => this.pick("image", 0)), el("figcaption", { textContent: titles[view] })));
    return el("div", { className: "group input" }, el("h2", { textContent: "In" }), ...figures);
  }

  column(group, g) {
    const name = group.stages[this.stageOf[g]][1], [maps] = this.stages[name].shape;
    const title = el("h2", { textContent: group.title + (group.hint ? ": " + group.hint : "") });
    if (group.stages.length > 1) {
      const choice = el("select", { ariaLabel: `${group.title}: which stage` }, ...group.stages.map(([text], k) => new Option(text, k, false, k === this.stageOf[g])));
      choice.onchange = () => { this.stageOf[g] = +choice.value; this.rebuild(); };
      title.append(choice);
    }
    const grid = el("div", { className: "grid" });
    grid.style.setProperty("--columns", maps > 1 ? 3 : 1);
    if (maps > 1) grid.append(...VIEWS.map((v) => el("span", { className: "head", textContent: v })));
    for (let map = 0; map < maps; map++)
      for (const view of VIEWS) {
        if (maps === 1) grid.append(el("span", { className: "head", textContent: view }));
        grid.append(this.tile(name, map, view, `${group.title} map ${map + 1}, ${view}`, () => this.pick(name, map)));
      }
    return el("div", { className: "group" }, title, grid);
  }

  rebuild() {
    this.build();
    if (this.picked && !this.net.groups.some((g, k) => g.stages[this.stageOf[k]][1] === this.picked.name) && this.picked.name !== "image") this.picked = null;
    this.paint();
    this.inspect();
  }

  say(level) {
    const v = this.head.levels[level];
    if (this.head.percent) return `${Math.round(100 * v)} %`;
    const largest = Math.max(this.head.levels[0], this.head.levels.at(-1));
    return largest > 1 ? String(+v.toPrecision(3)) : v.toFixed(2);
  }

  paint() {
    const { root, head, level } = this;
    const said = this.answer.show(this.answers(0), this.answers(level + 1));
    this.mark(`${this.say(level)} ${head.unit}. ${said}`);
    root.querySelector(".level").textContent = this.say(level);
    root.querySelector(".level").title = head.unit;
    for (const { canvas, name, map, view } of this.tiles) this.draw(canvas, name, map, view);
    const caption = root.querySelector(".input .change figcaption");
    const factor = 1 / this.range("image", 0).change;
    caption.textContent = factor > 1e4 ? "what we add: nothing" : `what we add, \u00d7${number(factor, 1)}`;
    root.querySelector(".figures").replaceChildren(...this.figures().flatMap(([label, value, digits, unit], k) => [k ? " \u00b7 " : "", label + " ", el("b", { textContent: number(value, digits) }), unit]));
    if (this.picked) this.inspect();
  }

  // how sure it is of each class, and how much has been changed, at every level
  numbers() {
    const { levels, label, unit } = this.head, at = levels.map((_, k) => k).filter((k) => this.stages.logits.frames[k + 1]);
    const head = [`${label} (${unit})`, ...Array.from({ length: 10 }, (_, k) => `sure of ${k}`), ...this.figures().map(([name]) => name)];
    return [head, ...at.map((k) => [levels[k], ...this.answers(k + 1), ...this.figures(k).map(([, value]) => value)])];
  }

  // how much has been changed
  figures(level = this.level) {
    const [clean, seen] = [0, level + 1].map((k) => this.stages.image.frames[k]), change = Array.from(seen, (v, i) => v - clean[i]);
    return [
      ["Pixels changed (L0)", change.filter((d) => Math.abs(d) > 1e-4).length, 0, ` of ${change.length}`],
      ["Length of the change (L2)", Math.hypot(...change), 2, ""],
      ["Largest change (L\u221e)", Math.max(...change.map(Math.abs)), 2, ""],
    ];
  }

  go(level) {
    this.level = level;
    if (this.drawn) this.preview(this.drawn); else this.paint();
  }

  // a digit that is being drawn, until the server's frames of it come; what the browser cannot add is left out till then
  preview(digit) {
    const { head, net, level } = this, { live } = head;
    const seen = live ? net.pgd(digit, live.target ?? top(net.probabilities(digit)), head.levels[level], head.arrays.offset.values, live) : digit;
    this.drawn = digit;
    if (head.truth !== null) { head.truth = null; this.build(); } // nobody knows what is being drawn
    for (const stage of Object.values(this.stages)) stage.frames = [];
    this.run([level + 1, 0], (k) => (k ? seen : digit));
    this.measure();
    this.paint();
  }

  pick(name, map) {
    const [, h, w] = this.stages[name].shape;
    this.picked = { name, map, row: h >> 1, column: w >> 1 };
    this.inspect();
    this.root.querySelector(".inspector").scrollIntoView({ block: "nearest" });
  }

  // the enlarged map, and the formula and numbers of the unit under the cross
  inspect() {
    const panel = this.root.querySelector(".inspector");
    panel.hidden = !this.picked;
    for (const { tile, name, map } of this.tiles) if (tile.tagName === "BUTTON") tile.setAttribute("aria-pressed", String(this.picked?.name === name && this.picked?.map === map));
    this.root.querySelectorAll(".tile .box").forEach((box) => box.remove());
    if (!this.picked) return;
    const { name, map, row, column } = this.picked, [, h, w] = this.stages[name].shape, wire = this.layers[name];
    const close = el("button", { className: "close", type: "button", textContent: "Close" });
    close.onclick = () => { this.picked = null; this.inspect(); };
    const title = name === "image" ? "The image" : `${this.titleOf(name)}, map ${map + 1}`;
    const large = VIEWS.map((view) => {
      const canvas = el("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${title}, ${view}, enlarged`);
      this.draw(canvas, name, map, view);
      const frame = el("div", { style: "position: relative" }, canvas, el("div", { className: "box" }));
      Object.assign(frame.lastChild.style, { left: `${(100 * column) / w}%`, top: `${(100 * row) / h}%`, width: `${100 / w}%`, height: `${100 / h}%` });
      canvas.onclick = (e) => {
        const box = canvas.getBoundingClientRect();
        this.picked = { name, map, row: Math.min(h - 1, Math.floor(((e.clientY - box.top) / box.height) * h)), column: Math.min(w - 1, Math.floor(((e.clientX - box.left) / box.width) * w)) };
        this.inspect();
      };
      return el("figure", {}, frame, el("figcaption", { textContent: view === "change" ? `change (red up, blue down, full colour at \u00b1${number(this.range(name, map).change, 2)})` : `${view} (black ${number(this.range(name, map).low, 2)}, white ${number(this.range(name, map).high, 2)})` }));
    });
    panel.replaceChildren(
      el("h2", {}, title, close),
      el("div", { className: "large" }, ...large, this.formula()),
    );
    if (wire) this.field(wire, row, column);
  }

  titleOf(name) {
    for (const g of this.net.groups) for (const [text, key] of g.stages) if (key === name) return `${g.title}, ${text}`;
    return name;
  }

  field({ field, stride }, row, column) {
    const [, h, w] = this.stages.image.shape;
    this.root.querySelectorAll(".input .tile").forEach((tile) => {
      const box = el("div", { className: "box" });
      Object.assign(box.style, { left: `${(100 * column * stride) / w}%`, top: `${(100 * row * stride) / h}%`, width: `${(100 * field) / w}%`, height: `${(100 * field) / h}%` });
      if (!stride) Object.assign(box.style, { left: 0, top: 0, width: "100%", height: "100%" });
      tile.append(box);
    });
  }

  // how this unit comes about: z = b + sum w x, a maximum, or what is above zero; clean and seen
  formula() {
    const { name, map, row, column } = this.picked, [, h, w] = this.stages[name].shape, wire = this.layers[name];
    const frames = [0, this.level + 1], value = (n, f, c, r, k) => { const [, hh, ww] = this.stages[n].shape; return this.value(n, f, (c * hh + r) * ww + k); };
    const [clean, seen] = frames.map((f) => value(name, f, map, row, column));
    const numbers = el("table", {}, el("tr", {}, el("td"), ...["clean", "seen", "change"].map((t) => el("th", { textContent: t }))));
    const line = (label, a, b) => numbers.append(el("tr", {}, ...[label, number(a), number(b), (b >= a ? "+" : "") + number(b - a)].map((t, k) => el(k ? "td" : "th", { textContent: t }))));
    const text = el("p"), parts = [text];
    if (!wire) text.textContent = `Pixel in row ${row + 1}, column ${column + 1}: 0 is black, 1 is white.`;
    else if (wire.operation === "convolution") {
      const { from: [channels], side: k, weight, bias } = wire;
      const sums = frames.map(() => []);
      for (let c = 0; c < channels; c++)
        frames.forEach((f, i) => {
          let sum = 0;
          for (let r = 0; r < k; r++) for (let q = 0; q < k; q++) sum += weight[((map * channels + c) * k + r) * k + q] * value(wire.source, f, c, row + r, column + q);
          sums[i].push(sum);
        });
      text.textContent = `Row ${row + 1}, column ${column + 1} = bias + sum of ${channels * k * k} products: filter ${map + 1} times the ${k} \u00d7 ${k} values${channels > 1 ? ` of each of ${channels} maps` : ""} it lies on. It sees ${wire.field} \u00d7 ${wire.field} pixels of the image (orange frame).`;
      for (let c = 0; c < channels; c++) parts.push(this.products(wire, map, c, row, column, sums.map((s) => s[c])));
      line("bias", bias[map], bias[map]);
      for (let c = 0; c < channels; c++) line(channels > 1 ? `products, map ${c + 1}` : "products", sums[0][c], sums[1][c]);
    } else if (wire.operation === "max-pool") {
      text.textContent = `Row ${row + 1}, column ${column + 1} = the largest of four neighbours. It sees ${wire.field} \u00d7 ${wire.field} pixels of the image (orange frame).`;
      for (const [r, q] of [[0, 0], [0, 1], [1, 0], [1, 1]]) line(`neighbour ${2 * r + q + 1}`, value(wire.source, 0, map, 2 * row + r, 2 * column + q), value(wire.source, frames[1], map, 2 * row + r, 2 * column + q));
    } else if (wire.operation === "ReLU") {
      text.textContent = `Row ${row + 1}, column ${column + 1} = max(0, before): what is below zero becomes zero. It sees ${wire.field} \u00d7 ${wire.field} pixels of the image (orange frame).`;
      line("before", value(wire.source, 0, map, row, column), value(wire.source, frames[1], map, row, column));
    } else {
      const inputs = this.stages[wire.source].size, unit = row * w + column, bias = wire.bias[unit];
      const products = Array.from({ length: inputs }, (_, i) => frames.map((f) => wire.weight[unit * inputs + i] * this.value(wire.source, f, i)));
      const total = (list) => [0, 1].map((k) => list.reduce((sum, p) => sum + p[k], 0));
      const order = products.map((_, i) => i).sort((i, j) => Math.abs(products[j][1] - products[j][0]) - Math.abs(products[i][1] - products[i][0]));
      text.textContent = `Unit ${unit + 1} = max(0, bias + sum of ${inputs} products: its weights times the ${inputs} values before it). It sees the whole image. The four products that change most:`;
      line("bias", bias, bias);
      for (const i of order.slice(0, 4)) line(`input ${i + 1}`, ...products[i]);
      line(`the other ${inputs - 4}`, ...total(order.slice(4).map((i) => products[i])));
      line("sum", ...total([[bias, bias], ...products]));
    }
    line("this unit", clean, seen);
    return el("div", { className: "formula" }, ...parts, numbers);
  }

  products({ source, weight, from: [channels], side: k }, map, c, row, column, sums) {
    const span = Math.max(...weight.map(Math.abs)), s = this.stages[source], [, h, w] = s.shape;
    const small = (color, label) => {
      const canvas = el("canvas", { width: k, height: k }), context = canvas.getContext("2d");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", label);
      for (let r = 0; r < k; r++) for (let q = 0; q < k; q++) { context.fillStyle = `rgb(${color(r, q)})`; context.fillRect(q, r, 1, 1); }
      return canvas;
    };
    const patch = (frame) => (r, q) => GREYS[Math.round(255 * Math.max(0, Math.min(1, (this.value(source, frame, (c * h + row + r) * w + column + q) - (source === "image" ? 0 : s.low)) / (source === "image" ? 1 : s.high - s.low || 1))))];
    const filter = (r, q) => DIVERGING[Math.round(255 + (255 * weight[((map * channels + c) * k + r) * k + q]) / span)];
    return el("div", { className: "products" }, small(filter, "filter"), "\u00d7", small(patch(this.level + 1), "the values it lies on"), `= ${number(sums[1])}`, el("span", { style: "opacity: .7", textContent: `(clean ${number(sums[0])})` }));
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".scrub");
  arrive(root, data, setStateValue, (head, send, before, net) => {
    const scrub = new Scrub(root, head, send, net, (target) => setTriggerValue("aimed", target));
    if (before) window.removeEventListener("noisescope-digit", before.hears);
    scrub.hears = ({ detail }) => (root.isConnected ? scrub.preview(detail) : window.removeEventListener("noisescope-digit", scrub.hears));
    if (head.drawn) window.addEventListener("noisescope-digit", scrub.hears);
    if (before && before.net.groups.length === net.groups.length) { // keep the view where the new picture has the same columns
      Object.assign(scrub, { stageOf: before.stageOf.map((s, g) => Math.min(s, net.groups[g].stages.length - 1)), scale: before.scale });
      const picked = before.picked, stage = picked && scrub.stages[picked.name];
      if (stage && picked.map < stage.shape[0]) scrub.picked = picked;
      scrub.rebuild();
    }
    return scrub;
  });
}
