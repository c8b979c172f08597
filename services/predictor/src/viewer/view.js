// Zoom and pan of the picture.

const STEP = 1.25;
const LARGEST = 32;

export class View {
  /** `moved` is called with the pixel under the pointer, or null. */
  constructor(element, picture, level, moved) {
    Object.assign(this, { element, picture, level, moved, scale: 1, x: 0, y: 0, width: 1, height: 1 });
    this.pointers = new Map();
    element.addEventListener('wheel', event => this.wheel(event), { passive: false });
    element.addEventListener('pointerdown', event => this.down(event));
    element.addEventListener('pointermove', event => this.move(event));
    for (const kind of ['pointerup', 'pointercancel']) element.addEventListener(kind, event => this.up(event));
    element.addEventListener('pointerleave', () => this.moved(null));
    new ResizeObserver(() => this.fit()).observe(element);
  }

  show(width, height) {
    Object.assign(this, { width, height });
    this.fit();
  }

  fit() {
    const { clientWidth, clientHeight } = this.element;
    if (!clientWidth) return;
    this.fitted = Math.min(clientWidth / this.width, clientHeight / this.height);
    this.scale = this.fitted;
    this.x = (clientWidth - this.width * this.scale) / 2;
    this.y = (clientHeight - this.height * this.scale) / 2;
    this.apply();
  }

  /** Zooms by a factor, around a point of the element or its centre. */
  zoom(factor, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    const smallest = Math.min(this.fitted ?? 1, 1);
    const scale = Math.min(LARGEST, Math.max(smallest, this.scale * factor));
    this.x = x - (x - this.x) * scale / this.scale;
    this.y = y - (y - this.y) * scale / this.scale;
    this.scale = scale;
    this.apply();
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.apply();
  }

  apply() {
    // Part of the picture stays visible.
    const { clientWidth, clientHeight } = this.element;
    const inside = (at, size, room) => Math.min(room - 40, Math.max(40 - size, at));
    this.x = inside(this.x, this.width * this.scale, clientWidth);
    this.y = inside(this.y, this.height * this.scale, clientHeight);
    this.picture.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.picture.style.imageRendering = this.scale > 3 ? 'pixelated' : 'auto';
    this.level.textContent = `${Math.round(this.scale * 100)} %`;
  }

  /** Returns the pixel of the image at an event; null outside of it. */
  pixel(event) {
    const box = this.element.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left - this.x) / this.scale);
    const y = Math.floor((event.clientY - box.top - this.y) / this.scale);
    return x >= 0 && y >= 0 && x < this.width && y < this.height ? [x, y] : null;
  }

  wheel(event) {
    event.preventDefault();
    const box = this.element.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
  }

  down(event) {
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (!this.painter?.down(this.pixel(event))) this.element.classList.add('dragging');
  }

  move(event) {
    this.moved(this.pixel(event));
    const before = this.pointers.get(event.pointerId);
    if (!before) return this.painter?.hover(this.pixel(event));
    const others = [...this.pointers.values()].filter(other => other.pointerId !== event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (others.length === 1) {
      // Two fingers.
      const distance = point => Math.hypot(point.clientX - others[0].clientX, point.clientY - others[0].clientY);
      const box = this.element.getBoundingClientRect();
      this.zoom(distance(event) / Math.max(1, distance(before)), others[0].clientX - box.left, others[0].clientY - box.top);
    } else if (!this.painter?.drag(this.pixel(event))) {
      this.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    }
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    this.element.classList.remove('dragging');
    this.painter?.up();
  }

  /** Returns whether a key was one of the view's. */
  key(event) {
    const distance = 60;
    const actions = {
      '+': () => this.zoom(STEP), '=': () => this.zoom(STEP), '-': () => this.zoom(1 / STEP), '0': () => this.fit(),
      ArrowLeft: () => this.pan(distance, 0), ArrowRight: () => this.pan(-distance, 0),
      ArrowUp: () => this.pan(0, distance), ArrowDown: () => this.pan(0, -distance),
    };
    actions[event.key]?.();
    return event.key in actions;
  }
}

export { STEP };
