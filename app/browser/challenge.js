// Paint over a digit, pixel by pixel, black or white, until the network reads something else; the server checks what is sent in.

const SIDE = 28, BRUSHES = [["1", "white"], ["0", "black"], ["", "as it was"]];

class Challenge {
  constructor(root, head, net) {
    Object.assign(this, { root, net, digit: frame(head.arrays.digit, 0), brush: "1", cell: [14, 14] });
    this.painted = this.digit.slice();
    this.clean = net.probabilities(this.digit);
    this.says = new Answer(null, () => {});
    this.says.element.querySelector(".key").textContent = "Bar: how sure it is now. Line: on the digit as it was.";
    for (const aim of this.says.element.querySelectorAll(".aim")) aim.replaceWith(el("span", { textContent: aim.textContent })); // nothing is aimed here
    this.build();
    this.show();
    root.setAttribute("aria-busy", "false");
  }

  build() {
    const at = (s) => this.root.querySelector(s), canvas = (this.canvas = at("canvas"));
    at(".says").replaceChildren(this.says.element);
    at(".brushes").replaceChildren(...BRUSHES.map(([brush, text]) => {
      const button = el("button", { type: "button", textContent: text, onclick: () => { this.brush = brush; this.show(); } });
      button.dataset.brush = brush;
      return button;
    }));
    canvas.onpointerdown = (e) => { canvas.setPointerCapture(e.pointerId); this.cell = this.place(e); this.paint([this.cell]); };
    canvas.onpointermove = (e) => { if (e.buttons) { const before = this.cell; this.cell = this.place(e); this.paint(between(before, this.cell)); } };
    canvas.onkeydown = (e) => this.key(e);
    canvas.onfocus = canvas.onblur = () => this.show();
    at(".clear").onclick = () => { this.painted = this.digit.slice(); this.show(); };
    at(".send").onclick = () => this.root.tell(btoa(String.fromCharCode(...this.painted.map((v) => Math.round(255 * v)))));
  }

  stop() {}

  place(e) {
    const box = this.canvas.getBoundingClientRect(), inside = (v) => Math.max(0, Math.min(SIDE - 1, Math.floor(SIDE * v)));
    return [inside((e.clientY - box.top) / box.height), inside((e.clientX - box.left) / box.width)];
  }

  key(e) {
    const move = ARROWS[e.key]?.toReversed();
    if (!move && e.key !== " ") return;
    e.preventDefault();
    if (move) this.cell = this.cell.map((v, k) => Math.max(0, Math.min(SIDE - 1, v + move[k])));
    if (move) this.show(); else this.paint([this.cell]);
  }

  paint(cells) {
    for (const [row, column] of cells) {
      const i = SIDE * row + column;
      this.painted[i] = this.brush === "" ? this.digit[i] : +this.brush;
    }
    this.waiting ??= requestAnimationFrame(() => { this.waiting = null; this.show(); });
  }

  show() {
    const { root, canvas, painted, digit } = this, at = (s) => root.querySelector(s), pen = canvas.getContext("2d"), width = canvas.width / SIDE;
    painted.forEach((v, i) => {
      const [x, y] = [(i % SIDE) * width, ((i / SIDE) | 0) * width];
      pen.fillStyle = `rgb(${GREYS[Math.round(255 * v)]})`;
      pen.fillRect(x, y, width, width);
      if (v === digit[i]) return;
      pen.fillStyle = "#d55e00"; // what was painted
      pen.fillRect(x + 0.4 * width, y + 0.4 * width, 0.2 * width, 0.2 * width);
    });
    if (document.activeElement === canvas || root.getRootNode().activeElement === canvas) {
      Object.assign(pen, { strokeStyle: "#d55e00", lineWidth: 2 });
      pen.strokeRect(this.cell[1] * width, this.cell[0] * width, width, width);
    }
    const change = painted.map((v, i) => v - digit[i]), now = this.net.probabilities(painted), fooled = top(now) !== top(this.clean);
    this.says.show(this.clean, now);
    at(".figures").replaceChildren("pixels ", el("b", { textContent: change.filter((v) => v).length }), "  \u00b7 L2 ", el("b", { textContent: number(Math.hypot(...change), 2) }));
    at(".send").disabled = !fooled;
    for (const button of root.querySelectorAll(".brushes button")) button.setAttribute("aria-pressed", String(button.dataset.brush === this.brush));
  }
}

// the pixels on the way from one to another, as a fast finger passes them
function between([r, q], [row, column]) {
  const steps = Math.max(Math.abs(row - r), Math.abs(column - q));
  return Array.from({ length: steps + 1 }, (_, k) => [r + (row - r) * (k / (steps || 1)), q + (column - q) * (k / (steps || 1))].map(Math.round));
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".challenge");
  root.tell = (pixels) => setStateValue("sent", pixels);
  arrive(root, data, setStateValue, (head, send, before, net) => new Challenge(root, head, net));
}
