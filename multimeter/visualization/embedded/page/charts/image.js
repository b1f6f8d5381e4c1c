// Export a panel as an image. It is drawn on a canvas, as the content security policy
// allows nothing else: lines, bands, axes, marks, legend.

import { element } from "../base/dom.js";
import { paint, stroke } from "./chart.js";

const SCALE = 2; // pixels of the picture for each one of the page
const TITLE = 34;
const ROW = 20; // of the legend
const ENTRY = 190; // width of an entry at least

/** @param {import("./panel.js").Panel} panel
 * @returns {Promise<Blob | null>} */
export async function imageOf(panel) {
  const { frame, box, definition } = panel;
  if (!frame) return null;
  const lines = panel.shown();
  const width = box.left + box.width + box.right;
  const columns = Math.max(1, Math.floor((width - 24) / ENTRY));
  const chart = box.top + box.height + box.bottom;
  const canvas = document.createElement("canvas");
  canvas.width = width * SCALE;
  canvas.height = (TITLE + chart + Math.ceil(lines.length / columns) * ROW + 10) * SCALE;
  const ink = canvas.getContext("2d");
  if (!ink) return null;
  ink.scale(SCALE, SCALE);
  ink.fillStyle = getComputedStyle(panel.root).backgroundColor;
  ink.fillRect(0, 0, width, canvas.height);
  text(ink, `600 14px ${frame.theme.font}`, frame.theme.ink, definition.title, 16, 22);
  ink.save();
  ink.translate(0, TITLE);
  paint(ink, panel.drawing(frame));
  drawMarks(ink, panel, frame);
  ink.restore();
  lines.forEach((line, i) => {
    const x = 16 + (i % columns) * ((width - 24) / columns);
    const y = TITLE + chart + Math.floor(i / columns) * ROW;
    ink.fillStyle = panel.colors.get(line.id)?.line ?? "";
    ink.fillRect(x, y + 3, 10, 10);
    text(ink, `12.5px ${frame.theme.font}`, frame.theme.ink, line.label, x + 16, y + 12, (width - 24) / columns - 24);
  });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/**
 * @param {CanvasRenderingContext2D} ink
 * @param {string} font
 * @param {string} color
 * @param {string} words
 * @param {number} x
 * @param {number} y
 * @param {number} [width]
 */
function text(ink, font, color, words, x, y, width) {
  ink.font = font;
  ink.fillStyle = color;
  ink.fillText(words, x, y, width);
}

/** @param {CanvasRenderingContext2D} ink
 * @param {import("./panel.js").Panel} panel
 * @param {import("../base/types.js").Frame} frame */
function drawMarks(ink, panel, { marks, range, theme }) {
  const { box } = panel;
  ink.strokeStyle = theme.muted;
  ink.lineWidth = 1;
  ink.setLineDash([3, 3]);
  marks.filter(({ time }) => time >= range.from && time <= range.to).forEach(({ time, label }, i) => {
    const x = Math.round(panel.pixelOf(time)) + 0.5;
    stroke(ink, [[x, (i % 2) * 14], [x, box.top + box.height]]);
    text(ink, `11px ${theme.font}`, theme.muted, label, x + 4, 10 + (i % 2) * 14, 120);
  });
  ink.setLineDash([]);
}

// Files for whoever looks at the page.

/** Have the browser save what an address answers. @param {string} href
 * @param {string} [name] */
export function downloadFrom(href, name = "") {
  const link = element("a", { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

/** @param {Blob} blob
 * @param {string} name */
export function downloadBlob(blob, name) {
  const address = URL.createObjectURL(blob);
  downloadFrom(address, name.replace(/[^\p{L}\p{N}._ -]+/gu, "_"));
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
