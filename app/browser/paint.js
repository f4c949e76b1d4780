// What the components share: elements, numbers, colours, a slider over levels. It is put before each component's own script.

const BLUE = [0x21, 0x66, 0xac], GREY = [0xf7, 0xf7, 0xf7], RED = [0xb2, 0x18, 0x2b];
const mix = (a, b, t) => a.map((v, k) => Math.round(v + t * (b[k] - v)));
const GREYS = Array.from({ length: 256 }, (_, k) => [k, k, k]);
const DIVERGING = Array.from({ length: 511 }, (_, k) => (k < 255 ? mix(BLUE, GREY, k / 255) : mix(GREY, RED, (k - 255) / 255)));
const el = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }; // across and down
const number = (v, digits = 3) => (Object.is(v, -0) ? 0 : v).toFixed(digits).replace("-", "\u2212");

// arrow keys move a range by one step, with Shift by ten
function stepped(range, step = 1) {
  range.title = "Arrow keys: one step. With Shift: ten.";
  range.onkeydown = (e) => {
    const [across, down] = ARROWS[e.key] ?? [0, 0];
    if (!across && !down) return;
    e.preventDefault();
    range.value = +range.value + step * (e.shiftKey ? 10 : 1) * (across - down);
    range.oninput();
    range.onchange();
  };
}

// a slider over levels that also plays by itself; whoever extends it has root, head, level, go(level) and send(level)
class Sliding {
  listen(slider, play) {
    const { root, head } = this;
    root.querySelector(".name").textContent = head.label;
    Object.assign(slider, { min: 0, max: head.levels.length - 1, value: this.level });
    slider.setAttribute("aria-label", head.label);
    slider.oninput = () => { this.stop(); this.go(+slider.value); };
    slider.onchange = () => this.send(this.level);
    stepped(slider);
    play.onclick = () => { if (!this.timer) return this.play(); this.stop(); this.send(this.level); };
  }

  // show where the slider stands, also in words
  mark(words) {
    const slider = this.root.querySelector(".strength");
    slider.value = this.level;
    slider.style.setProperty("--at", `${(100 * this.level) / Math.max(1, this.head.levels.length - 1)}%`);
    slider.setAttribute("aria-valuetext", words);
  }

  play() {
    this.root.querySelector(".play").textContent = "\u275a\u275a";
    if (this.level === this.head.levels.length - 1) this.level = 0;
    this.timer = setInterval(() => {
      if (this.level >= this.head.levels.length - 1) { this.stop(); this.send(this.level); } else this.go(this.level + 1);
    }, 90);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.root.querySelector(".play").textContent = "\u25b6";
  }
}

// a header and what lies behind it (packing.py says how)
function opened(data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data), size = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  return [JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size))), bytes.subarray(4 + size)];
}

// give every array of a header its numbers, and `size`, how many a frame has
function unpack(head, buffer) {
  let offset = 0;
  for (const array of Object.values(head.arrays)) {
    array.size = array.shape.reduce((a, b) => a * b, 1);
    array.values = new { 8: Uint8Array, 16: Uint16Array, 32: Float32Array }[array.bits](buffer, offset, array.frames * array.size);
    for (let i = array.size; i < array.values.length; i++) array.values[i] += array.values[i - array.size]; // frames come as changes
    offset += array.values.byteLength;
  }
  return head;
}

// what the numbers of one frame of an array stand for
function frame(array, k) {
  const { low, high, bits, size, values } = array;
  return Float32Array.from(values.subarray(k * size, (k + 1) * size), (v) => low + (v / (2 ** bits - 1)) * (high - low));
}

// data as it comes, on every rerun: what is new is unpacked and shown once, with send(level) to tell the server, send.stays(n) and send.view(words),
// what was shown before, and the network that the header names, if it does
const mounted = new WeakMap();
function arrive(root, data, setStateValue, show) {
  const [head, packed] = opened(data), { id } = head, state = mounted.get(root) ?? {};
  mounted.set(root, state);
  state.send = (level) => setStateValue("moved", { id: state.id, level });
  if (state.id === id) return; // a rerun: nothing new, the slider stays where it is
  state.id = id;
  root.noisescope = Object.assign(state, { data, head }); // for save.js
  const body = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  new Response(body).arrayBuffer().then(async (buffer) => {
    const net = head.weights && (await network(head.weights).come);
    if (state.id !== id) return;
    state.shown?.stop();
    state.shown = show(unpack(head, buffer), Object.assign((level) => state.send(level), { stays: (n) => setStateValue("stays", `${id}-${n}`), view: (view) => setStateValue("view", { id: state.id, ...view }) }), state.shown, net);
  });
}

// pieces of the pictures that were shown last, by scene and key, which the components of a page hand to each other
function shelf(scene) {
  const scenes = (window.noisescopeScenes ??= new Map());
  if (!scenes.has(scene)) scenes.set(scene, new Map());
  for (const old of [...scenes.keys()].slice(0, -3)) scenes.delete(old);
  return scenes.get(scene);
}
