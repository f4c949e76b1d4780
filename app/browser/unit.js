// The map that is open in scrub.js, and the unit under its cross: its formula, its numbers, and what it sees of the image.

const VIEWS = ["clean", "seen", "change"];

class Inspected extends Sliding {
  // the enlarged map, and the formula and numbers of the unit under the cross
  inspect() {
    const panel = this.root.querySelector(".inspector");
    panel.hidden = !this.picked;
    for (const { tile, name, map } of this.tiles) if (tile.tagName === "BUTTON") tile.setAttribute("aria-pressed", String(this.picked?.name === name && this.picked?.map === map));
    this.root.querySelectorAll(".tile .box").forEach((box) => box.remove());
    if (!this.picked) return;
    const { name, map, row, column } = this.picked, [, h, w] = this.stages[name].shape, wire = this.layers[name];
    const close = el("button", { className: "close", type: "button", textContent: "Close", onclick: () => this.shut() });
    const at = this.root.getRootNode().activeElement?.dataset.view; // what is built anew keeps the focus
    const go = (row, column) => {
      this.picked = { name, map, row: Math.max(0, Math.min(h - 1, row)), column: Math.max(0, Math.min(w - 1, column)) };
      this.inspect();
      this.tell();
    };
    const title = name === "image" ? "The image" : `${this.titleOf(name)}, map ${map + 1}`;
    const large = VIEWS.map((view) => {
      const canvas = el("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${title}, ${view}, enlarged; row ${row + 1}, column ${column + 1}: the arrow keys choose another`);
      canvas.tabIndex = 0;
      canvas.dataset.view = view;
      this.draw(canvas, name, map, view);
      const frame = el("div", { style: "position: relative" }, canvas, el("div", { className: "box" }));
      Object.assign(frame.lastChild.style, { left: `${(100 * column) / w}%`, top: `${(100 * row) / h}%`, width: `${100 / w}%`, height: `${100 / h}%` });
      canvas.onclick = (e) => {
        const box = canvas.getBoundingClientRect();
        go(Math.floor(((e.clientY - box.top) / box.height) * h), Math.floor(((e.clientX - box.left) / box.width) * w));
      };
      canvas.onkeydown = (e) => {
        const [across, down] = ARROWS[e.key] ?? [];
        if (across === undefined) return;
        e.preventDefault();
        go(row + down, column + across);
      };
      return el("figure", {}, frame, el("figcaption", { textContent: view === "change" ? `change (red up, blue down, full colour at \u00b1${number(this.range(name, map).change, 2)})` : `${view} (black ${number(this.range(name, map).low, 2)}, white ${number(this.range(name, map).high, 2)})` }));
    });
    panel.replaceChildren(
      el("h2", {}, title, close),
      el("div", { className: "large" }, ...large, this.formula()),
    );
    if (wire) this.field(wire, row, column);
    if (at) panel.querySelector(`canvas[data-view="${at}"]`)?.focus({ preventScroll: true });
  }

  // close the map that is open, and give the focus back to its tile
  shut() {
    const { name, map } = this.picked;
    this.picked = null;
    this.inspect();
    this.tell();
    const its = this.tiles.filter((t) => t.tile.tagName === "BUTTON" && t.name === name && t.map === map).map((t) => t.tile);
    (its.find((tile) => tile === this.opener) ?? its[0])?.focus({ preventScroll: true });
  }

  // the maps are one stop of the tab key; from one to the next by arrow keys; Escape closes the one that is open
  keys(root) {
    const maps = this.tiles.map(({ tile }) => tile).filter((tile) => tile.tagName === "BUTTON");
    const here = (one) => maps.forEach((tile) => { tile.tabIndex = tile === one ? 0 : -1; });
    maps.forEach((tile) => { tile.onfocus = () => here(tile); tile.addEventListener("click", () => { this.opener = tile; }); });
    here(maps[0]);
    root.onkeydown = (e) => {
      const from = e.target.closest?.("button.tile"), [across, down] = ARROWS[e.key] ?? [];
      if (e.key === "Escape" && this.picked) this.shut();
      if (!from || across === undefined) return;
      e.preventDefault();
      next(from, maps, across, down)?.focus();
    };
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

// the nearest of some elements in a direction, as one sees them; one aside counts four times its distance
function next(from, all, across, down) {
  const middle = (one) => { const { left, top, width, height } = one.getBoundingClientRect(); return [left + width / 2, top + height / 2]; };
  const [x, y] = middle(from), far = (one) => {
    const [dx, dy] = middle(one).map((v, k) => v - [x, y][k]), along = dx * across + dy * down;
    return along > 1 ? along + 4 * Math.abs(dx * down + dy * across) : Infinity;
  };
  const [nearest] = all.filter((one) => one !== from && far(one) < Infinity).sort((a, b) => far(a) - far(b));
  return nearest;
}
