// What the components share: elements, numbers, colours. It is put before each component's own script.

const BLUE = [0x21, 0x66, 0xac], GREY = [0xf7, 0xf7, 0xf7], RED = [0xb2, 0x18, 0x2b];
const mix = (a, b, t) => a.map((v, k) => Math.round(v + t * (b[k] - v)));
const GREYS = Array.from({ length: 256 }, (_, k) => [k, k, k]);
const DIVERGING = Array.from({ length: 511 }, (_, k) => (k < 255 ? mix(BLUE, GREY, k / 255) : mix(GREY, RED, (k - 255) / 255)));
const el = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const number = (v, digits = 3) => (Object.is(v, -0) ? 0 : v).toFixed(digits).replace("-", "\u2212");

