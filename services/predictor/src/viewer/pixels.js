// Images and masks as pixels.

/** Decodes an image without changing its values. */
export const bitmapOf = blob => createImageBitmap(blob, { premultiplyAlpha: 'none', colorSpaceConversion: 'none' });

/** Returns the class codes of a mask. It is grey, so that red is the code. */
export async function codesOf(blob) {
  const bitmap = await bitmapOf(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return Uint8Array.from({ length: data.length / 4 }, (_, at) => data[at * 4]);
}

/** Draws a bitmap. Transparent pixels become white, as on the server. */
export function drawBitmap(canvas, bitmap) {
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
}

/**
 * Paints codes in their colours, between rows `from` and `to`.
 * @param {Map<number, string>} colors of visible classes, as #rrggbb
 */
export function paintCodes(canvas, codes, colors, width, from, to) {
  const words = new Uint32Array(256);
  for (const [code, color] of colors) {
    const [red, green, blue] = [1, 3, 5].map(at => parseInt(color.slice(at, at + 2), 16));
    words[code] = (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
  }
  const pixels = new ImageData(width, to - from);
  const target = new Uint32Array(pixels.data.buffer);
  for (let at = 0; at < target.length; at++) target[at] = words[codes[from * width + at]];
  canvas.getContext('2d').putImageData(pixels, 0, from);
}
