// The page: what happens when.

import { blob, json, Refused, request, useKey } from './api.js';
import { Brush } from './brush.js';
import { $, download, element } from './dom.js';
import { drawChoices, drawLegend } from './legend.js';
import { bitmapOf, codesOf, drawBitmap, paintCodes } from './pixels.js';
import { greyPng } from './png.js';
import { STEP, View } from './view.js';
import { caution, percent, sentence } from './words.js';

const BACKGROUND_NAMES = ['other', 'background'];
const LONGEST_HISTORY = 12;

/** Model of /info, hidden codes, the prediction shown, those of this visit, and the number of the newest request. */
const state = { model: null, hidden: new Set(), current: null, visit: [], number: 0, examples: 0 };

const view = new View($('view'), $('picture'), $('zoom-level'), showUnder);
const brush = new Brush($('cursor'), (from, to, canUndo, canRedo) => {
  paint(from, to);
  $('undo').disabled = !canUndo;
  $('redo').disabled = !canRedo;
});

function announce(text) {
  $('announcement').textContent = text;
}

/** Shows an error; the result of an earlier image is dimmed, because it is not that of the new one. */
function fail(error) {
  if (error instanceof Refused && error.status === 401) {
    $('key').hidden = false;
    $('key-text').focus();
  }
  $('error').textContent = error.message;
  $('error').hidden = false;
  $('error').scrollIntoView({ block: 'nearest' });
  document.body.classList.toggle('stale', state.current !== null);
  $('stage').classList.toggle('stale', state.current !== null);
}

function clearError() {
  $('error').hidden = true;
  document.body.classList.remove('stale');
  $('stage').classList.remove('stale');
}

async function loadInfo() {
  const info = await json('/info');
  const { max_upload_bytes: bytes, max_pixels: pixels } = info.limits;
  $('limits').textContent = `, up to ${Math.floor(bytes / 2 ** 20)} MiB and ${Math.floor(pixels / 1e6)} megapixels`;
  if (!info.model) {
    $('model').textContent = info.status === 'failed' ? 'no model' : 'the model is loading…';
    if (info.status === 'failed') throw new Error(sentence(info.reason));
    setTimeout(() => loadInfo().catch(fail), 1000);
    return;
  }
  state.model = info.model;
  const first = info.model.classes[0];
  state.hidden = new Set(BACKGROUND_NAMES.includes(first.name) ? [first.code] : []);
  $('model').textContent = `${info.model.architecture} · ${info.model.version} · ${info.model.device}`;
  legend();
}

/** The classes with the colours that are chosen. */
function classes() {
  const chosen = $('colors').value;
  return (state.model?.classes ?? []).map(one => ({ ...one, shown: one[chosen] ?? one.color }));
}

function legend() {
  const areas = new Map((state.current?.record.classes ?? []).map(area => [area.code, area]));
  drawLegend($('legend'), classes(), areas, state.hidden, () => paint());
  drawChoices($('brush-classes'), classes(), brush.code, code => { brush.code = code; });
}

function paint(from = 0, to = state.current?.height ?? 0) {
  if (!state.current || to <= from) return;
  const visible = classes().filter(({ code }) => !state.hidden.has(code)).map(({ code, shown }) => [code, shown]);
  paintCodes($('mask'), state.current.codes, new Map(visible), state.current.width, from, to);
}

function showUnder(pixel) {
  $('under').hidden = !pixel || !state.current;
  if (!pixel || !state.current) return;
  const code = state.current.codes[pixel[1] * state.current.width + pixel[0]];
  const name = state.model.classes.find(one => one.code === code)?.name ?? `code ${code}`;
  $('under').textContent = `${pixel[0]}, ${pixel[1]} · ${name}`;
}

function facts({ name, record }) {
  const rows = [
    ['File', name],
    ['Size', `${record.input.width} × ${record.input.height} px`],
    ['Confidence', percent(record.confidence)],
    ['Entropy', percent(record.entropy)],
    ['Training images as unusual', record.drift_score === null ? 'no reference' : percent(record.drift_score)],
    ['Case', record.case],
    ['Model', record.model_version === state.model.version ? null : record.model_version],
    ['Id', record.id],
  ].filter(([, value]) => value !== null);
  $('facts').replaceChildren(...rows.flatMap(([title, value]) =>
    [element('dt', { textContent: title }), element('dd', { textContent: value, className: title === 'Id' ? 'id' : '' })]));
}

/** Shows a prediction of this visit. */
function show(prediction) {
  stopCorrecting();
  clearError();
  state.current = prediction;
  drawBitmap($('image'), prediction.bitmap);
  for (const id of ['mask', 'cursor']) {
    $(id).width = prediction.width;
    $(id).height = prediction.height;
  }
  $('invitation').hidden = true;
  for (const id of ['view', 'zoom', 'result', 'correction', 'visit']) $(id).hidden = false;
  view.show(prediction.width, prediction.height);
  paint();
  legend();
  facts(prediction);
  const reasons = caution(prediction.record, state.model);
  $('unusual').textContent = reasons;
  $('unusual').hidden = !reasons;
  $('agreement').textContent = prediction.agreement ?? '';
  $('agreement').hidden = !prediction.agreement;
  $('view').setAttribute('aria-label', `${prediction.name}: ${shares(prediction.record)}`);
  drawHistory();
}

const shares = record => record.classes.map(({ name, fraction }) => `${name} ${percent(fraction)}`).join(', ');

function drawHistory() {
  $('history').replaceChildren(...state.visit.map(prediction => {
    const thumbnail = element('canvas', { width: 60, height: 60 });
    const side = Math.min(prediction.width, prediction.height);
    thumbnail.getContext('2d').drawImage(prediction.bitmap, 0, 0, side, side, 0, 0, 60, 60);
    const button = element('button', { type: 'button', title: prediction.name }, thumbnail);
    button.setAttribute('aria-label', `Show ${prediction.name}`);
    button.setAttribute('aria-current', prediction === state.current);
    button.addEventListener('click', () => show(prediction));
    return button;
  }));
}

/** Segments a file and shows the result. */
async function segment(file) {
  const number = ++state.number;
  const form = new FormData();
  form.append('data', file);
  clearError();
  $('busy').hidden = false;
  announce(`Segmenting ${file.name}`);
  try {
    if (!state.model) await loadInfo();
    // For formats that the browser cannot decode (TIFF), the server returns the image without overlay.
    const plain = await bitmapOf(file).catch(() => null);
    const query = new URLSearchParams(plain ? { output: 'json' } : { output: 'overlay', alpha: 0 });
    if ($('mpp').value) query.set('mpp', $('mpp').value);
    const response = await request(`/predict-img/?${query}`, { method: 'POST', body: form });
    const id = response.headers.get('x-prediction-id');
    const record = plain ? await response.json() : await json(`/predictions/${id}`);
    const bitmap = plain ?? await bitmapOf(await response.blob());
    const codes = await codesOf(await blob(`/predictions/${id}/mask`));
    if (number !== state.number) return;
    const prediction = { id, name: file.name, record, bitmap, codes, width: record.input.width, height: record.input.height };
    state.visit = [prediction, ...state.visit].slice(0, LONGEST_HISTORY);
    show(prediction);
    announce(`${file.name}: ${shares(record)}. Confidence ${percent(record.confidence)}. ${caution(record, state.model)}`);
    $('view').focus({ preventScroll: true });
  } catch (error) {
    if (number === state.number) {
      error.message = `${file.name}: ${error.message}`;
      fail(error);
    }
  } finally {
    if (number === state.number) $('busy').hidden = true;
  }
}

async function example() {
  try {
    const image = await blob(`/viewer/example.png?seed=${state.examples}`);
    await segment(new File([image], `example-${++state.examples}.png`, { type: 'image/png' }));
  } catch (error) {
    fail(error);
  }
}

async function save(kind) {
  const { id, name, width, height } = state.current;
  const stem = name.replace(/\.[^.]*$/, '') || 'image';
  if (kind === 'overlay') {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    context.drawImage($('image'), 0, 0);
    context.globalAlpha = $('opacity').value / 100;
    context.drawImage($('mask'), 0, 0);
    return download(await canvas.convertToBlob({ type: 'image/png' }), `${stem}_overlay.png`);
  }
  const [path, ending] = { mask: ['/mask', '_mask.png'], geojson: ['/geojson', '.geojson'], record: ['', '.json'] }[kind];
  return download(await blob(`/predictions/${id}${path}`), stem + ending);
}

function startCorrecting() {
  state.current.original = state.current.codes.slice();
  brush.code = state.model.classes.find(({ code }) => !state.hidden.has(code))?.code ?? state.model.classes[0].code;
  brush.start(state.current.codes, state.current.width, state.current.height);
  view.painter = brush;
  $('view').classList.add('painting');
  $('correct').hidden = true;
  $('brush').hidden = false;
  $('undo').disabled = $('redo').disabled = true;
  legend();
  announce('Correcting. Arrow keys move the brush, space paints.');
  $('view').focus({ preventScroll: true });
}

function stopCorrecting() {
  if (!view.painter) return;
  brush.stop();
  view.painter = null;
  $('view').classList.remove('painting');
  $('correct').hidden = false;
  $('brush').hidden = true;
}

function discard() {
  state.current.codes.set(state.current.original);
  stopCorrecting();
  paint();
  $('correct').focus();
}

async function send() {
  const { id, codes, width, height } = state.current;
  const prediction = state.current;
  const body = await greyPng(codes, width, height);
  const headers = { 'content-type': 'image/png' };
  const { dice, mean_dice: mean } = await json(`/predictions/${id}/label`, { method: 'PUT', body, headers });
  const scores = Object.entries(dice).filter(([, score]) => score !== null)
    .map(([name, score]) => `${name} ${score.toFixed(3)}`).join(', ');
  prediction.agreement = `Stored. Dice of the prediction: ${scores}${mean === null ? '' : `; mean ${mean.toFixed(3)}`}.`;
  stopCorrecting();
  $('agreement').textContent = prediction.agreement;
  $('agreement').hidden = false;
  announce(prediction.agreement);
  $('correct').focus();
}

function setBrushSize(size) {
  brush.size = Math.min(128, Math.max(1, size));
  $('brush-size').value = brush.size;
  $('brush-pixels').textContent = `${brush.size} px`;
  brush.hover(brush.at);
}

function setOpacity() {
  $('percent').textContent = `${$('opacity').value} %`;
  $('mask').style.opacity = $('opacity').value / 100;
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const painting = view.painter !== null && view.painter !== undefined;
  if (painting && event.key === 'Escape') discard();
  else if (painting && event.key === '[') setBrushSize(brush.size - 2);
  else if (painting && event.key === ']') setBrushSize(brush.size + 2);
  else if (!brush.key(event) && !view.key(event)) return;
  event.preventDefault();
}

const on = (id, kind, action) => $(id).addEventListener(kind, action);
const attempt = action => () => action().catch(fail);
for (const id of ['choose', 'another']) on(id, 'click', () => $('file').click());
on('example', 'click', example);
on('zoom-in', 'click', () => view.zoom(STEP));
on('zoom-out', 'click', () => view.zoom(1 / STEP));
on('zoom-fit', 'click', () => view.fit());
on('view', 'keydown', key);
on('opacity', 'input', setOpacity);
on('colors', 'change', () => { legend(); paint(); });
on('correct', 'click', startCorrecting);
on('discard', 'click', discard);
on('undo', 'click', () => brush.undo());
on('redo', 'click', () => brush.redo());
on('send', 'click', attempt(send));
on('brush-size', 'input', () => setBrushSize(Number($('brush-size').value)));
for (const button of document.querySelectorAll('[data-download]')) {
  button.addEventListener('click', attempt(() => save(button.dataset.download)));
}
on('key', 'submit', event => {
  event.preventDefault();
  useKey($('key-text').value);
  $('key-text').value = '';
  $('key').hidden = true;
  clearError();
  loadInfo().catch(fail);
});
on('file', 'change', () => {
  if ($('file').files[0]) segment($('file').files[0]);
  $('file').value = '';
});
for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  document.addEventListener(kind, event => {
    event.preventDefault();
    $('stage').classList.toggle('over', kind === 'dragenter' || kind === 'dragover');
    const file = kind === 'drop' && event.dataTransfer.files[0];
    if (file) segment(file);
  });
}
document.addEventListener('paste', event => {
  if (event.clipboardData.files[0]) segment(event.clipboardData.files[0]);
});
setOpacity();
setBrushSize(16);
loadInfo().catch(fail);
