// Numbers and findings in words.

/** @param {number} share in [0, 1] */
export function percent(share) {
  if (share === 0) return '0 %';
  return share < 0.001 ? '< 0.1 %' : `${(share * 100).toFixed(1)} %`;
}

/** @param {number|null} area in mm² */
export function squareMillimetres(area) {
  if (area === null || area === undefined) return '';
  return area < 0.01 ? `${(area * 1e6).toFixed(0)} µm²` : `${area.toFixed(3)} mm²`;
}

/** Makes a sentence of the detail of a problem. */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/**
 * Says in words why a result should be read with care; empty if there is no reason.
 * @param {object} record of the prediction
 * @param {object} model of /info
 */
export function caution(record, model) {
  const reasons = [];
  const { drift_score: score } = record;
  if (score !== null && score < 0.01) {
    reasons.push(`This image is unlike the training tissue: only ${percent(score)} of such images are as unusual. The model `
      + 'may be wrong, and sure of it; check stain, focus and magnification.');
  } else if (score !== null && score < 0.05) {
    reasons.push(`This image is somewhat unusual: ${percent(score)} of images like the training tissue are as unusual.`);
  }
  const { mpp } = record.input;
  if (mpp && model.mpp && Math.max(mpp / model.mpp, model.mpp / mpp) > 1.5) {
    const size = mpp > model.mpp ? 'smaller' : 'larger';
    reasons.push(`The image has ${mpp} µm/px, but the model was trained at ${model.mpp} µm/px: nuclei look `
      + `${(Math.max(mpp / model.mpp, model.mpp / mpp)).toFixed(1)} times ${size} than it knows. Scale the image first.`);
  }
  return reasons.join(' ');
}
