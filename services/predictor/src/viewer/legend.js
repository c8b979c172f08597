// The classes with their areas, and whether they are shown.

import { element } from './dom.js';
import { percent, squareMillimetres } from './words.js';

function swatch(color) {
  const made = element('span', { className: 'swatch' });
  made.style.background = color;
  return made;
}

/**
 * @param {object[]} classes with code, name and shown colour
 * @param {Map<number, object>} areas of the prediction by code; empty without one
 * @param {Set<number>} hidden codes
 */
export function drawLegend(list, classes, areas, hidden, changed) {
  list.replaceChildren(...classes.map(({ code, name, shown }) => {
    const box = element('input', { type: 'checkbox', checked: !hidden.has(code) });
    box.addEventListener('change', () => {
      if (box.checked) hidden.delete(code); else hidden.add(code);
      changed();
    });
    const label = element('label', {}, box, swatch(shown), element('span', { textContent: name }));
    const area = areas.get(code);
    if (area) {
      const fill = element('i');
      fill.style.width = `${area.fraction * 100}%`;
      fill.style.background = shown;
      const words = [`${area.pixels.toLocaleString('en')} px`, squareMillimetres(area.area_mm2)].filter(Boolean).join(' · ');
      const share = element('span', { className: 'share', textContent: percent(area.fraction) });
      const pixels = element('span', { className: 'area', textContent: words });
      pixels.dataset.pixels = area.pixels;
      label.append(share, pixels, element('span', { className: 'bar' }, fill));
    }
    const item = element('li', {}, label);
    item.dataset.code = code;
    return item;
  }));
}

export function drawChoices(box, classes, chosen, changed) {
  box.replaceChildren(...classes.map(({ code, name, shown }) => {
    const radio = element('input', { type: 'radio', name: 'brush-class', value: code, checked: code === chosen });
    radio.addEventListener('change', () => changed(code));
    return element('label', {}, radio, swatch(shown), element('span', { textContent: name }));
  }));
}
