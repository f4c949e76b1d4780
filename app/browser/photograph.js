// One photograph under a slider over the levels of a noise: half-size previews while it moves, full size where it rests.
// The left of the line is what the network makes of it; the right is chosen. Pictures come as pieces, in any order.

const REST = 200; // milliseconds without a move
const decibels = (v) => (v === null ? "identical" : `${number(v, 1)} dB`);

class Photograph extends Sliding {
  constructor(root, head, send) {
    super();
    Object.assign(this, { root, head, pieces: shelf(head.scene), view: head.view.right ?? head.views[0].name });
    this.look = () => send.view(this.words);
    this.level = this.told = head.start ?? head.levels.length >> 1;
    this.send = (level) => { clearTimeout(this.rest); if (level !== this.told) send((this.told = level)); };
    this.build();
    this.go(this.level);
  }

  get words() {
    return { right: this.view, line: String(Math.round(this.root.querySelector(".at").value / 10)) };
  }

  build() {
    const { root, head } = this, at = (s) => root.querySelector(s), stage = at(".stage"), line = at(".at");
    this.listen(at(".strength"), at(".play"));
    root.style.setProperty("--aspect", head.width / head.height);
    line.oninput = () => stage.style.setProperty("--at", `${line.value / 10}%`);
    line.onchange = () => this.look();
    stepped(line, 10); // a hundredth of the width
    line.value = 10 * (head.view.line ?? 50);
    line.oninput();
    this.under = at(".under");
    this.over = at(".over");
    this.thumbs = head.views.map(({ name, title, difference }) => {
      const canvas = el("canvas", { className: difference ? "difference" : "" });
      return { name, title, canvas, button: this.choice(name, canvas, el("span", { textContent: title })) };
    });
    at(".thumbs").replaceChildren(...this.thumbs.map((t) => t.button));
    at(".key span").textContent = head.key;
    const column = (text) => el("th", { textContent: text, scope: "col" });
    this.rows = ["", ...head.methods].map((method) => {
      const cells = [el("td"), el("td"), el("td")], name = method ? this.choice(method, method) : head.network;
      return { method, cells, row: el("tr", {}, el("th", { scope: "row" }, name), ...cells) };
    });
    at(".methods").replaceChildren(el("tr", {}, el("td"), column("PSNR"), column("SSIM"), column("time")), ...this.rows.map((r) => r.row));
  }

  // a button that puts a picture to the right of the line
  choice(view, ...children) {
    const button = el("button", { type: "button", onclick: () => { this.view = view; this.paint(); this.look(); } }, ...children);
    button.setAttribute("role", "radio");
    (this.choices ??= []).push({ view, button });
    return button;
  }

  say(level) {
    const v = this.head.levels[level];
    return this.head.percent ? `${Math.round(100 * v)} %` : String(+v.toPrecision(3));
  }

  go(level) {
    const { root, head } = this;
    this.level = Math.min(level, head.levels.length - 1);
    this.mark(`${this.say(this.level)} ${head.unit}`);
    root.querySelector(".level").replaceChildren(this.say(this.level), el("small", { textContent: ` ${head.unit}` }));
    clearTimeout(this.rest);
    if (!this.timer && this.level !== this.told) this.rest = setTimeout(() => this.send(this.level), REST);
    this.paint();
  }

  // the piece to show at a level, full or half, else the nearest preview; and the level it is of
  best() {
    const { head, level, pieces } = this, at = (size, k) => pieces.get(`${size}/${head[size]}/${k}`);
    if (at("full", level)) return [at("full", level), level, true];
    const near = head.levels.map((_, k) => k).filter((k) => at("half", k)).sort((a, b) => Math.abs(a - level) - Math.abs(b - level));
    return near.length ? [at("half", near[0]), near[0], false] : [null, level, false];
  }

  paint() {
    const { root, head } = this, [piece, level, full] = this.best(), whole = this.pieces.get("original")?.pictures ?? {};
    const title = (view) => head.views.find((v) => v.name === view)?.title ?? view, tried = (method) => this.pieces.get(`${method}/${this.level}`);
    const picture = (view) => piece?.pictures[view] ?? tried(view)?.pictures.denoised ?? whole[view];
    const right = picture(this.view) ? this.view : head.views[0].name, left = picture("denoised");
    put(this.over, left, "denoised");
    put(this.under, picture(right), title(right));
    root.querySelector(".left").textContent = left ? "denoised" : "denoising \u2026";
    root.querySelector(".right").textContent = title(right);
    for (const { name, title, canvas } of this.thumbs) put(canvas, picture(name), title);
    for (const { view, button } of this.choices) button.setAttribute("aria-checked", view === right);
    this.table(full ? piece : null, tried);
    const verdict = root.querySelector(".verdict"), state = root.querySelector(".state");
    if (!piece) return;
    verdict.textContent = `${decibels(piece.before[0])} \u2192 ${decibels(piece.after[0])}`;
    verdict.dataset.state = (piece.after[0] ?? Infinity) < (piece.before[0] ?? Infinity) ? "worse" : "better";
    const { width, height } = left, small = `preview, ${width} x ${height} pixels${level === this.level ? "" : `, of ${this.say(level)} ${head.unit}`}`;
    state.textContent = full ? `full size: SSIM ${number(piece.before[1])} \u2192 ${number(piece.after[1])}` : small;
    root.dataset.shown = full ? "full" : "half";
    root.setAttribute("aria-busy", "false");
  }

  // PSNR at every level whose picture has come, the whole one or its preview
  numbers() {
    const { head, pieces } = this, piece = (k) => pieces.get(`full/${head.full}/${k}`) ?? pieces.get(`half/${head.half}/${k}`), each = (v) => v ?? "inf";
    const known = head.levels.map((_, k) => k).filter(piece);
    return [[`${head.label} (${head.unit})`, "noisy, dB", "denoised, dB", "of"], ...known.map((k) => [head.levels[k], each(piece(k).before[0]), each(piece(k).after[0]), piece(k).large ? "the whole picture" : "its preview"])];
  }

  table(piece, tried) {
    const found = this.rows.map(({ method }) => (method ? tried(method) : piece)), scores = found.map((f) => (f ? f.after[0] ?? Infinity : -Infinity));
    this.rows.forEach(({ cells, row }, k) => {
      const f = found[k], words = f ? [decibels(f.after[0]), number(f.after[1]), `${number(f.seconds, 1)} s`] : ["\u2026", "", ""];
      cells.forEach((cell, n) => (cell.textContent = words[n]));
      row.classList.toggle("best", !!f && scores[k] === Math.max(...scores));
    });
  }
}

// paint a picture on a canvas, pixel by pixel; what is not there yet leaves it empty
function put(canvas, picture, title) {
  Object.assign(canvas, { width: picture?.width ?? 1, height: picture?.height ?? 1 });
  canvas.setAttribute("aria-label", title);
  if (picture) canvas.getContext("2d").drawImage(picture, 0, 0);
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".photograph");
  arrive(root, data, setStateValue, (head, send, before) => {
    if (before) window.removeEventListener("noisescope-piece", before.hears);
    const photograph = new Photograph(root, head, send);
    photograph.hears = () => (root.isConnected ? photograph.paint() : window.removeEventListener("noisescope-piece", photograph.hears));
    window.addEventListener("noisescope-piece", photograph.hears);
    return photograph;
  });
}
