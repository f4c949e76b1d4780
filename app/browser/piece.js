// A piece of a photograph (photographs.py): its pictures are decoded, once, and put on the shelf that photograph.js reads.

const KEPT = 40; // full-size pieces, the last

// the greys of a difference, black at the negative limit, in its colours
function tinted(grey) {
  const canvas = el("canvas", { width: grey.width, height: grey.height }), context = canvas.getContext("2d");
  context.drawImage(grey, 0, 0);
  const image = context.getImageData(0, 0, canvas.width, canvas.height), out = image.data;
  for (let i = 0; i < out.length; i += 4) [out[i], out[i + 1], out[i + 2]] = DIVERGING[2 * out[i]];
  context.putImageData(image, 0, 0);
  return canvas;
}

export default function ({ data }) {
  const [head, body] = opened(data), pieces = shelf(head.scene);
  if (pieces.has(head.key)) return; // a rerun
  pieces.set(head.key, null); // on its way
  let start = 0;
  const decoded = Object.entries(head.sizes).map(async ([name, size]) => {
    const file = new Blob([body.slice(start, (start += size))], { type: "image/jpeg" }), picture = await createImageBitmap(file);
    return [name, head.differences.includes(name) ? tinted(picture) : picture];
  });
  Promise.all(decoded).then((pictures) => {
    pieces.set(head.key, { ...head, data, pictures: Object.fromEntries(pictures) });
    const large = [...pieces.keys()].filter((key) => pieces.get(key)?.large);
    for (const key of large.slice(0, -KEPT)) pieces.delete(key);
    window.dispatchEvent(new Event("noisescope-piece"));
  });
}
