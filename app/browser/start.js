// The first page: a digit that is drawn or picked, noise that is random or aimed, what the network sees and says; all here.

const KINDS = [["random", "random noise"], ["aimed", "aimed at it"]];

class Start extends Sliding {
  constructor(root, head, send, net) {
    super();
    const { at, kind, target, level } = head.start;
    Object.assign(this, { root, head, net, tell: send, at, kind, target, level });
    Object.assign(this, { field: head.arrays.field.values, offset: head.arrays.offset.values });
    this.drawing = new Drawing(root.querySelector(".pad canvas"), (digit) => this.take(digit), (digit) => { this.take(digit); this.send(); });
    this.build();
    if (at === null && this.drawing.restore()) this.take(null);
    else this.pick(at ?? 0);
    root.setAttribute("aria-busy", "false");
  }

  send() {
    const { at, kind, target, level } = this;
    this.tell({ at, kind, target, level });
  }

  build() {
    const { root, head } = this, at = (s) => root.querySelector(s);
    this.listen(at(".strength"), at(".play"));
    at(".kinds").replaceChildren(...KINDS.map(([kind, text]) => {
      const button = el("button", { type: "button", textContent: text, role: "radio" });
      button.onclick = () => this.choose({ kind });
      button.dataset.kind = kind;
      return button;
    }));
    const target = at(".target select");
    target.replaceChildren(new Option("anything else", ""), ...Array.from({ length: 10 }, (_, k) => new Option(`a ${k}`, k)));
    target.onchange = () => this.choose({ kind: "aimed", target: target.value === "" ? null : +target.value });
    at(".clear").onclick = () => this.drawing.clear();
    at(".another").onclick = () => { this.pick(((this.at ?? -1) + 1) % head.labels.length); this.send(); };
  }

  choose(choice) {
    Object.assign(this, choice);
    this.paint();
    this.send();
  }

  // a test digit
  pick(at) {
    this.at = at;
    this.hold(frame(this.head.arrays.digits, at));
    this.drawing.show(this.digit);
    this.judge(this.head.labels[at]);
  }

  // a drawing, or null: nothing is drawn yet
  take(digit) {
    const anew = this.at !== null || !this.says;
    this.at = null;
    this.hold(digit ?? new Float32Array(784));
    if (anew) this.judge(null); else this.paint();
  }

  hold(digit) {
    Object.assign(this, { digit, clean: this.net.probabilities(digit) });
  }

  judge(truth) {
    this.says = new Answer(truth, (target) => this.choose({ kind: "aimed", target }));
    this.root.querySelector(".says").replaceChildren(this.says.element);
    this.paint();
  }

  // what the network sees at a level: noise as large as it is drawn, or aimed at the answer
  seen(level) {
    const { digit, net, target, head, field } = this, strength = head.levels[level];
    if (this.kind === "random") return digit.map((v, i) => v + strength * field[i]);
    const label = head.labels[this.at] ?? top(this.clean);
    return target === null ? net.fgsm(digit, label, strength) : net.pgd(digit, target, strength, this.offset, { sign: -1 });
  }

  // how sure it is of each class at every level, and the length of the change
  numbers() {
    const { head, digit, net } = this, classes = Array.from({ length: 10 }, (_, k) => `sure of ${k}`);
    const row = (level) => { const seen = this.seen(level); return [head.levels[level], ...net.probabilities(seen), Math.hypot(...seen.map((v, i) => v - digit[i]))]; };
    return [[`${head.label} (${head.unit})`, ...classes, "Length of the change (L2)"], ...head.levels.map((_, level) => row(level))];
  }

  go(level) {
    this.level = level;
    this.paint();
  }

  paint() {
    const { root, head, level, net, digit } = this, at = (s) => root.querySelector(s), seen = this.seen(level);
    root.dataset.kind = this.kind === "aimed" ? "attack" : "noise";
    const change = seen.map((v, i) => v - digit[i]), largest = Math.max(1e-9, ...change.map(Math.abs));
    show(at(".seen canvas"), seen, (v) => GREYS[Math.round(255 * Math.max(0, Math.min(1, v)))]);
    show(at(".added canvas"), change, (v) => DIVERGING[Math.round(255 + 255 * (v / largest))]);
    at(".added figcaption").textContent = level ? `what is added, \u00d7${number(1 / largest, 1)}: red lighter, blue darker` : "what is added: nothing";
    const said = this.says.show(this.clean, net.probabilities(seen));
    this.mark(`${number(head.levels[level], 2)} ${head.unit}. ${said}`);
    at(".level").textContent = number(head.levels[level], 2);
    at(".figures").replaceChildren("Length of the change (L2) ", el("b", { textContent: number(Math.hypot(...change), 2) }));
    at(".level").title = head.unit;
    for (const button of root.querySelectorAll(".kinds button")) button.setAttribute("aria-checked", String(button.dataset.kind === this.kind));
    at(".target select").value = this.target ?? "";
  }
}

function show(canvas, values, colour) {
  const context = canvas.getContext("2d"), image = context.createImageData(28, 28);
  values.forEach((v, i) => image.data.set([...colour(v), 255], 4 * i));
  context.putImageData(image, 0, 0);
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".start");
  arrive(root, data, setStateValue, (head, send, before, net) => new Start(root, head, send, net));
}
