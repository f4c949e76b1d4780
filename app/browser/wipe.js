// Two pictures over each other: the line between them follows the pointer, or the slider below.

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".wipe"), [head, pictures] = opened(data);
  const stage = root.querySelector(".stage"), slider = root.querySelector(".at");
  (mounted.get(root) ?? []).forEach(URL.revokeObjectURL);
  let start = 0;
  const urls = head.sizes.map((length) => {
    const url = URL.createObjectURL(new Blob([pictures.slice(start, start + length)], { type: "image/png" }));
    start += length;
    return url;
  });
  mounted.set(root, urls);
  [["under", 0], ["over", 1]].forEach(([name, k]) => Object.assign(root.querySelector(`.${name}`), { src: urls[k], alt: head.titles[k] }));
  [["left", 0], ["right", 1]].forEach(([name, k]) => (root.querySelector(`.${name}`).textContent = head.titles[k]));
  const put = () => stage.style.setProperty("--at", `${slider.value / 10}%`);
  slider.oninput = put;
  const drag = (event) => {
    const box = stage.getBoundingClientRect();
    slider.value = Math.round((1000 * (event.clientX - box.left)) / box.width);
    put();
  };
  stage.onpointerdown = (event) => { stage.setPointerCapture(event.pointerId); stage.onpointermove = drag; drag(event); };
  stage.onpointerup = stage.onpointercancel = () => (stage.onpointermove = null);
  put();
}
