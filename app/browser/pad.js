// Draw with a round pen; on every lifted stroke send the picture, 56 x 56 grey values, to the server.
const SIDE = 56;
const pads = new WeakSet();

export default function ({ parentElement, setStateValue }) {
  const canvas = parentElement.querySelector("canvas");
  canvas.send = (pixels) => setStateValue("pixels", pixels);
  if (pads.has(canvas)) return;
  pads.add(canvas);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(pen, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  const place = (e) => {
    const box = canvas.getBoundingClientRect();
    return [((e.clientX - box.left) / box.width) * canvas.width, ((e.clientY - box.top) / box.height) * canvas.height];
  };
  const send = () => {
    const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE }).getContext("2d");
    small.drawImage(canvas, 0, 0, SIDE, SIDE);
    const rgba = small.getImageData(0, 0, SIDE, SIDE).data;
    canvas.send(btoa(String.fromCharCode(...Array.from({ length: SIDE * SIDE }, (_, k) => rgba[4 * k]))));
  };
  canvas.onpointerdown = (e) => {
    canvas.setPointerCapture(e.pointerId);
    pen.beginPath();
    pen.moveTo(...place(e));
    pen.lineTo(...place(e));
    pen.stroke();
  };
  canvas.onpointermove = (e) => {
    if (!e.buttons) return;
    pen.lineTo(...place(e));
    pen.stroke();
  };
  canvas.onpointerup = send;
  parentElement.querySelector("button").onclick = () => {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    send();
  };
}
