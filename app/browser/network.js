// The networks that read digits, in the browser: core/networks/digits.py once more, forwards and back to the image.
// A layer has a name, an operation, the shapes [channels, rows, columns] it reads (`from`) and gives (`shape`), weight and bias.

const FORWARD = {
  convolution(x, { from: [c, h, w], shape: [maps, rows, columns], side: k, weight, bias }) {
    const z = new Float32Array(maps * rows * columns);
    for (let m = 0, at = 0; m < maps; m++)
      for (let r = 0; r < rows; r++)
        for (let q = 0; q < columns; q++, at++) {
          let sum = bias[m];
          for (let i = 0; i < c * k; i++) {
            const read = (((i / k) | 0) * h + r + (i % k)) * w + q, by = (m * c * k + i) * k;
            for (let b = 0; b < k; b++) sum += weight[by + b] * x[read + b];
          }
          z[at] = sum;
        }
    return z;
  },
  "max-pool": (x, layer) => Float32Array.from({ length: size(layer.shape) }, (_, at) => x[largest(x, layer, at)]),
  ReLU: (x) => x.map((v) => (v > 0 ? v : 0)),
  linear: (x, layer) => affine(x, layer).map((v) => (v > 0 ? v : 0)), // a hidden layer, rectified
  logits: (x, layer) => affine(x, layer),
};

// the gradient of what a layer reads, from the gradient `g` of what it gives: x came in, z went out
const BACK = {
  convolution(g, x, z, { from: [c, h, w], shape: [maps, rows, columns], side: k, weight }) {
    const back = new Float32Array(c * h * w);
    for (let m = 0, at = 0; m < maps; m++)
      for (let r = 0; r < rows; r++)
        for (let q = 0; q < columns; q++, at++) {
          if (!g[at]) continue;
          for (let i = 0; i < c * k; i++) {
            const read = (((i / k) | 0) * h + r + (i % k)) * w + q, by = (m * c * k + i) * k;
            for (let b = 0; b < k; b++) back[read + b] += weight[by + b] * g[at];
          }
        }
    return back;
  },
  "max-pool"(g, x, z, layer) {
    const back = new Float32Array(x.length);
    for (let at = 0; at < g.length; at++) back[largest(x, layer, at)] += g[at];
    return back;
  },
  ReLU: (g, x, z) => g.map((v, at) => (z[at] > 0 ? v : 0)),
  linear: (g, x, z, layer) => transposed(BACK.ReLU(g, x, z), x, layer),
  logits: (g, x, z, layer) => transposed(g, x, layer),
};

const size = (shape) => shape.reduce((a, b) => a * b, 1);

// where, among the four values that a place of a pooled map has to choose from, the largest lies: the first of equal ones
function largest(x, { from: [, h, w], shape: [, rows, columns] }, at) {
  const map = (at / (rows * columns)) | 0, corner = (map * h + 2 * (((at / columns) | 0) % rows)) * w + 2 * (at % columns);
  let best = corner;
  for (const other of [corner + 1, corner + w, corner + w + 1]) if (x[other] > x[best]) best = other;
  return best;
}

function affine(x, { shape, weight, bias }) {
  return Float32Array.from({ length: size(shape) }, (_, unit) => {
    let sum = bias[unit];
    for (let i = 0, by = unit * x.length; i < x.length; i++) sum += weight[by + i] * x[i];
    return sum;
  });
}

function transposed(g, x, { weight }) {
  const back = new Float32Array(x.length);
  for (let unit = 0; unit < g.length; unit++)
    if (g[unit]) for (let i = 0, by = unit * x.length; i < x.length; i++) back[i] += weight[by + i] * g[unit];
  return back;
}

const top = (p) => p.indexOf(Math.max(...p));

function softmax(logits) {
  const most = Math.max(...logits), e = Array.from(logits, (v) => Math.exp(v - most)), total = e.reduce((a, b) => a + b);
  return e.map((v) => v / total);
}

const within = (v, pixel, epsilon) => Math.max(0, pixel - epsilon, Math.min(1, pixel + epsilon, v));

class Network {
  constructor({ layers, groups, arrays }) {
    this.groups = groups; // of stages, for whoever shows them
    this.layers = layers.map((layer) => ({ ...layer, weight: arrays[`${layer.name}.weight`]?.values, bias: arrays[`${layer.name}.bias`]?.values }));
  }

  // what every stage makes of an image of 784 values, by name, the logits last
  stages(image) {
    const found = { image };
    for (const layer of this.layers) found[layer.name] = FORWARD[layer.operation](found[layer.source], layer);
    return found;
  }

  probabilities(image) {
    return softmax(this.stages(image).logits);
  }

  // grad_x J(x, label), J the cross-entropy of the logits
  gradient(image, label) {
    const found = this.stages(image);
    let g = softmax(found.logits).map((p, k) => p - (k === label));
    for (const layer of this.layers.toReversed()) g = BACK[layer.operation](g, found[layer.source], found[layer.name], layer);
    return g;
  }

  // PGD (Madry et al. 2018) from `start`, -1 to 1 times epsilon away: up J(x, label), or with `sign` -1 down, towards the label;
  // one step of length epsilon from the image itself is FGSM (Goodfellow et al. 2014): clip(x + epsilon sign(grad_x J))
  pgd(image, label, epsilon, start, { sign = 1, steps = 10, step = 0.25 } = {}) {
    let x = image.map((v, i) => within(v + epsilon * start[i], v, epsilon));
    for (let k = 0; k < steps; k++) x = this.step(x, image, label, sign * step * epsilon, epsilon);
    return x;
  }

  fgsm(image, label, epsilon) {
    return this.pgd(image, label, epsilon, new Float32Array(image.length), { steps: 1, step: 1 });
  }

  step(x, image, label, length, epsilon) {
    const g = this.gradient(x, label);
    return x.map((v, i) => within(v + length * Math.sign(g[i]), image[i], epsilon));
  }
}

// networks by their keys, which the component `weights` brings and the others wait for
const networks = (window.noisescopeNetworks ??= new Map());
function network(key) {
  if (!networks.has(key)) {
    const entry = {};
    entry.come = new Promise((resolve) => (entry.bring = resolve));
    networks.set(key, entry);
  }
  return networks.get(key);
}
