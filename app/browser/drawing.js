// A pad to draw one digit on, as the networks want it: 28 x 28, its box scaled to 20 pixels, centred by mass (uploads.as_digit).

const SIDE = 28, INNER = 20;
const KEPT = "noisescope-drawing"; // the last drawing, which outlives the page and a reload

class Drawing {
  // `moved` hears of the digit, 784 values or null, once a frame while the pen moves; `lifted` when it is lifted
  constructor(canvas, moved, lifted) {
    Object.assign(this, { canvas, moved, lifted, pen: canvas.getContext("2d", { willReadFrequently: true }) });
    Object.assign(this.pen, { lineWidth: canvas.width / 13, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    canvas.onpointerdown = (e) => this.down(e);
    canvas.onpointermove = (e) => { if (e.buttons) this.draw(e); };
    canvas.onpointerup = () => this.lift();
    canvas.onkeydown = (e) => this.key(e);
    canvas.onblur = () => { if (this.writes) this.lift(); this.ring = null; this.mark(); };
  }

  // without a mouse: arrow keys move a ring, the space bar puts the pen down there and lifts it
  key(e) {
    const [across, down] = ARROWS[e.key] ?? [0, 0], { width, height } = this.canvas;
    if (!across && !down && e.key !== " ") return;
    e.preventDefault();
    const [x, y] = this.ring ?? [width / 2, height / 2];
    this.ring = [Math.max(0, Math.min(width, x + (across * width) / SIDE)), Math.max(0, Math.min(height, y + (down * height) / SIDE))];
    this.mark();
    if (e.key === " " && this.writes) return this.lift();
    if (e.key === " ") this.begin(...this.ring);
    if (this.writes) this.line(...this.ring);
  }

  // show the ring below the drawing
  mark() {
    const [x, y] = this.ring?.map((v) => `${(100 * v) / this.canvas.width}%`) ?? [];
    this.canvas.style.backgroundImage = this.ring ? `radial-gradient(circle at ${x} ${y}, transparent 5%, #e69f00 5.5% 7%, transparent 7.5%)` : "";
  }

  begin(x, y) {
    if (this.guest) this.wipe();
    this.writes = true;
    this.pen.beginPath();
    this.pen.moveTo(x, y);
  }

  down(e) {
    this.canvas.setPointerCapture(e.pointerId);
    this.begin(...this.place(e));
    this.draw(e);
  }

  draw(e) {
    this.line(...this.place(e));
  }

  line(x, y) {
    this.pen.lineTo(x, y);
    this.pen.stroke();
    this.waiting ??= requestAnimationFrame(() => { this.waiting = null; const digit = this.digit(); if (digit) this.moved(digit); });
  }

  lift() {
    this.writes = false;
    sessionStorage.setItem(KEPT, this.canvas.toDataURL());
    this.lifted(this.digit());
  }

  wipe() {
    this.guest = false;
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  clear() {
    this.wipe();
    sessionStorage.removeItem(KEPT);
    this.lifted(null);
  }

  // show a digit that nobody drew, 784 values, until somebody draws
  show(digit) {
    this.wipe();
    this.guest = true;
    const [width, height] = [this.canvas.width / SIDE, this.canvas.height / SIDE];
    digit.forEach((v, i) => {
      this.pen.fillStyle = `rgb(${GREYS[Math.round(255 * v)]})`;
      this.pen.fillRect((i % SIDE) * width, ((i / SIDE) | 0) * height, width + 1, height + 1);
    });
  }

  // bring back what was drawn before; say whether there is something
  restore() {
    const kept = sessionStorage.getItem(KEPT), picture = new Image();
    if (!kept) return false;
    picture.onload = () => { this.wipe(); this.pen.drawImage(picture, 0, 0); this.lifted(this.digit()); };
    picture.src = kept;
    return true;
  }

  place(e) {
    const box = this.canvas.getBoundingClientRect();
    return [((e.clientX - box.left) / box.width) * this.canvas.width, ((e.clientY - box.top) / box.height) * this.canvas.height];
  }

  // the drawing as a digit; null while the pad is empty
  digit() {
    const { width, height } = this.canvas, rgba = this.pen.getImageData(0, 0, width, height).data;
    const ink = Float32Array.from({ length: width * height }, (_, i) => (rgba[4 * i] * rgba[4 * i + 3]) / 65025);
    const rows = [height, -1], columns = [width, -1];
    ink.forEach((v, i) => {
      if (v <= 0.25) return;
      const r = (i / width) | 0, q = i % width;
      Object.assign(rows, [Math.min(rows[0], r), Math.max(rows[1], r)]);
      Object.assign(columns, [Math.min(columns[0], q), Math.max(columns[1], q)]);
    });
    return rows[1] < 0 ? null : centred(reduced(ink, width, rows, columns));
  }
}

// the box of the ink, its longer side scaled to 20 pixels in the middle of 20 x 20: each pixel the mean of what lies under it
function reduced(ink, width, rows, columns) {
  const tall = rows[1] - rows[0] + 1, wide = columns[1] - columns[0] + 1, scale = Math.max(tall, wide) / INNER;
  const top = rows[0] - (INNER * scale - tall) / 2, left = columns[0] - (INNER * scale - wide) / 2;
  const inside = (v, [low, high]) => Math.max(low, Math.min(high + 1, Math.round(v)));
  return Float32Array.from({ length: INNER * INNER }, (_, i) => {
    const [y, x] = [top + scale * ((i / INNER) | 0), left + scale * (i % INNER)];
    let sum = 0;
    for (let r = inside(y, rows); r < inside(y + scale, rows); r++) for (let q = inside(x, columns); q < inside(x + scale, columns); q++) sum += ink[r * width + q];
    return Math.min(1, sum / scale ** 2);
  });
}

// 20 x 20 values in the frame of 28 x 28, their centre of mass in its middle
function centred(small) {
  let [mass, down, across] = [1e-9, 0, 0];
  small.forEach((v, i) => { mass += v; down += v * ((i / INNER) | 0); across += v * (i % INNER); });
  const [top, left] = [down, across].map((moment) => Math.min(SIDE - INNER, Math.max(0, Math.round((SIDE - 1) / 2 - moment / mass))));
  const digit = new Float32Array(SIDE * SIDE);
  small.forEach((v, i) => { digit[(top + ((i / INNER) | 0)) * SIDE + left + (i % INNER)] = Math.round(255 * v) / 255; });
  return digit;
}

const sent = (digit) => digit && btoa(String.fromCharCode(...digit.map((v) => Math.round(255 * v))));
