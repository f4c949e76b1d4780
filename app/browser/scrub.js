// Client-side scrubbing: frames come packed once (frames.py), sliding paints them here.

const SCALES = [["map", "each map"], ["layer", "each layer"], ["shared", "all layers"]];
const HINTS = {
  map: "Each map uses its own range over all strengths: small effects show.",
  layer: "The maps of a layer share one range over all strengths: their brightness can be compared.",
  shared: "All layers share one range: see which layer speaks loudest.",
};

// the range that holds all of these
const widest = (ranges) => ({ low: Math.min(...ranges.map((r) => r.low)), high: Math.max(...ranges.map((r) => r.high)), change: Math.max(...ranges.map((r) => r.change)) });

class Scrub extends Inspected {
  constructor(root, head, send, net, aim) {
    super();
    Object.assign(this, { root, head, send, net, aim });
    this.layers = Object.fromEntries(net.layers.map((layer) => [layer.name, layer]));
    this.stages = Object.fromEntries([["image", head.arrays.image.shape], ...net.layers.map(({ name, shape }) => [name, shape])].map(([name, shape]) => [name, { shape, size: size(shape), frames: [] }]));
    this.level = head.start ?? Math.round(head.levels.length / 5);
    this.run(head.levels.map((_, level) => level + 1).concat(0), (k) => frame(head.arrays.image, k));
    this.measure();
    this.look(head.view);
    this.rebuild();
    root.setAttribute("aria-busy", "false");
  }

  // how it is looked at, in the address's words: the stage of each layer, what shares a range of colours, the open map, the point in it
  look({ stages = "", range = "layer", map, point }) {
    const [name, number] = map?.split(".") ?? [], [row, column] = (point || "1.1").split(".");
    const [, h, w] = this.stages[name]?.shape ?? [];
    this.stageOf = this.net.groups.map((group) => Math.max(0, group.stages.findIndex(([, key]) => stages.split(" ").includes(key))));
    this.scale = range;
    this.picked = name ? { name, map: number - 1, row: Math.min(row, h) - 1, column: Math.min(column, w) - 1 } : null;
  }

  get words() {
    const stages = this.net.groups.map((group, g) => group.stages[this.stageOf[g]][1]).join(" "), { name, map, row, column } = this.picked ?? {};
    return { stages, range: this.scale, map: name ? `${name}.${map + 1}` : "", point: name ? `${row + 1}.${column + 1}` : "" };
  }

  tell() {
    this.send.view(this.words);
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
    choice.onchange = () => { this.scale = choice.value; choice.title = HINTS[this.scale]; this.paint(); this.tell(); };
    at(".controls").append(el("label", { className: "scale", style: "flex: none" }, "Colours: one range for", choice));
    at(".inspector").hidden = true;
    this.keys(root);
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
      choice.onchange = () => { this.stageOf[g] = +choice.value; this.rebuild(); this.tell(); };
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
    this.tell();
    this.root.querySelector(".inspector").scrollIntoView({ block: "nearest" });
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".scrub");
  arrive(root, data, setStateValue, (head, send, before, net) => {
    const scrub = new Scrub(root, head, send, net, (target) => setTriggerValue("aimed", target));
    if (before) window.removeEventListener("noisescope-digit", before.hears);
    scrub.hears = ({ detail }) => (root.isConnected ? scrub.preview(detail) : window.removeEventListener("noisescope-digit", scrub.hears));
    if (head.drawn) window.addEventListener("noisescope-digit", scrub.hears);
    return scrub;
  });
}
