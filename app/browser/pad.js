// Draw a digit: whoever shows it on the page hears of it while the pen moves, the server when it is lifted.

const pads = new WeakMap();

export default function ({ parentElement, setStateValue }) {
  const canvas = parentElement.querySelector("canvas"), send = (digit) => setStateValue("pixels", sent(digit));
  if (pads.has(canvas)) return void (pads.get(canvas).lifted = send);
  const drawing = new Drawing(canvas, (digit) => window.dispatchEvent(new CustomEvent("noisescope-digit", { detail: digit })), send);
  pads.set(canvas, drawing);
  if (drawing.restore()) setTimeout(() => pads.get(canvas).lifted(drawing.digit()), 2000); // what is sent while a page still opens may be lost
  parentElement.querySelector("button").onclick = () => drawing.clear();
}
