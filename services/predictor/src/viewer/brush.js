// Correction of a mask with a round brush, which can be undone.

export class Brush {
  /** `changed` is called with the rows that a stroke has changed, and whether strokes can be undone and redone. */
  constructor(canvas, changed) {
    Object.assign(this, { canvas, changed, code: 0, size: 16 });
  }

  start(codes, width, height) {
    Object.assign(this, { codes, width, height, undone: [], done: [], stroke: null });
    this.canvas.width = width;
    this.canvas.height = height;
    this.hover([width >> 1, height >> 1]);
  }

  stop() {
    this.canvas.getContext('2d').clearRect(0, 0, this.width, this.height);
    this.codes = null;
  }

  /** Draws the outline of the brush. */
  hover(at) {
    if (!this.codes || !at) return;
    this.at = at;
    const context = this.canvas.getContext('2d');
    context.clearRect(0, 0, this.width, this.height);
    for (const [color, wide] of [['#000', 3], ['#fff', 1]]) {
      context.strokeStyle = color;
      context.lineWidth = wide * Math.max(1, this.width / 800);
      context.beginPath();
      context.arc(at[0] + 0.5, at[1] + 0.5, this.size / 2, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  down(at) {
    if (!this.codes) return false;
    this.stroke = new Map();
    this.paint(at);
    return true;
  }

  drag(at) {
    if (!this.stroke) return false;
    this.hover(at);
    this.paint(at);
    return true;
  }

  up() {
    if (!this.stroke) return;
    if (this.stroke.size) {
      this.done.push(this.stroke);
      this.undone = [];
    }
    this.stroke = null;
    this.report(0, 0);
  }

  /** Paints a dot, and the line to it from the one before. */
  paint(at) {
    if (!at) {
      this.last = null;
      return;
    }
    const from = this.stroke.size && this.last ? this.last : at;
    const steps = Math.max(1, Math.ceil(Math.hypot(at[0] - from[0], at[1] - from[1]) / Math.max(1, this.size / 4)));
    for (let step = 1; step <= steps; step++) {
      this.dot(from[0] + (at[0] - from[0]) * step / steps, from[1] + (at[1] - from[1]) * step / steps);
    }
    this.last = at;
    const reach = Math.ceil(this.size / 2) + 1;
    this.report(Math.min(from[1], at[1]) - reach, Math.max(from[1], at[1]) + reach + 1);
  }

  dot(centreX, centreY) {
    const radius = this.size / 2;
    for (let y = Math.max(0, Math.ceil(centreY - radius)); y <= Math.min(this.height - 1, centreY + radius); y++) {
      for (let x = Math.max(0, Math.ceil(centreX - radius)); x <= Math.min(this.width - 1, centreX + radius); x++) {
        if (Math.hypot(x - centreX, y - centreY) > radius) continue;
        const at = y * this.width + x;
        if (this.codes[at] === this.code) continue;
        if (!this.stroke.has(at)) this.stroke.set(at, this.codes[at]);
        this.codes[at] = this.code;
      }
    }
  }

  undo() {
    this.exchange(this.done, this.undone);
  }

  redo() {
    this.exchange(this.undone, this.done);
  }

  exchange(from, to) {
    const stroke = from.pop();
    if (!stroke) return;
    const inverse = new Map();
    for (const [at, code] of stroke) {
      inverse.set(at, this.codes[at]);
      this.codes[at] = code;
    }
    to.push(inverse);
    this.report(0, this.height);
  }

  report(from, to) {
    this.changed(Math.max(0, Math.floor(from)), Math.min(this.height, Math.ceil(to)), this.done.length > 0, this.undone.length > 0);
  }

  /** Returns whether a key was one of the brush's. */
  key(event) {
    if (!this.codes) return false;
    const distance = event.shiftKey ? 10 : 1;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in steps) {
      const [x, y] = steps[event.key];
      const inside = (at, size) => Math.min(size - 1, Math.max(0, at));
      this.hover([inside(this.at[0] + x * distance, this.width), inside(this.at[1] + y * distance, this.height)]);
      return true;
    }
    if (event.key === ' ') {
      this.down(this.at);
      this.up();
      return true;
    }
    return false;
  }
}
