// What hands do on a plot: point, drag to zoom in, drag with shift to pan, turn the
// wheel sideways to pan and with ctrl to zoom, click twice for everything. A finger
// drags sideways to zoom and up or down to scroll the page.

const SHORTEST_DRAG = 6; // pixels
const WHEEL_ZOOM = 0.004; // for each pixel the wheel has turned

/**
 * @typedef {object} Hands  positions are pixels from the left of the element
 * @property {(x: number) => void} point
 * @property {() => void} leave
 * @property {(from: number, to: number) => void} selecting  the drag goes on
 * @property {(from: number, to: number) => void} select     the drag has ended
 * @property {() => void} cancel
 * @property {(pixels: number) => void} pan
 * @property {(factor: number, x: number) => void} zoom
 * @property {() => void} reset
 */

/**
 * @param {HTMLElement} plot
 * @param {Hands} hands
 */
export function listen(plot, hands) {
  /** @type {{x: number, pans: boolean, moved: boolean} | null} */
  let drag = null;
  const at = (/** @type {MouseEvent} */ event) => event.clientX - plot.getBoundingClientRect().left;

  const onKey = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && cancel();
  const end = () => {
    drag = null;
    document.removeEventListener("keydown", onKey);
  };
  const cancel = () => {
    if (drag) hands.cancel();
    end();
  };

  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    plot.setPointerCapture(event.pointerId);
    document.addEventListener("keydown", onKey);
    drag = { x: at(event), pans: event.shiftKey, moved: false };
    if (event.pointerType === "touch") hands.point(drag.x);
  });
  plot.addEventListener("pointermove", (event) => {
    const x = at(event);
    if (!drag) return hands.point(x);
    if (!drag.moved && Math.abs(x - drag.x) < SHORTEST_DRAG) return;
    if (!drag.moved) hands.leave();
    drag.moved = true;
    if (!drag.pans) return hands.selecting(drag.x, x);
    hands.pan(drag.x - x);
    drag.x = x;
  });
  plot.addEventListener("pointerup", (event) => {
    if (drag?.moved && !drag.pans) hands.select(drag.x, at(event));
    end();
  });
  plot.addEventListener("pointercancel", cancel);
  // What a finger has tapped stays to be read when the finger is gone.
  plot.addEventListener("pointerleave", (event) => drag || event.pointerType === "touch" || hands.leave());
  plot.addEventListener("dblclick", hands.reset);
  plot.addEventListener("wheel", (event) => wheel(event, at(event), hands), { passive: false });
}

/**
 * @param {WheelEvent} event
 * @param {number} x
 * @param {Hands} hands
 */
function wheel(event, x, hands) {
  if (event.ctrlKey) {
    event.preventDefault();
    hands.zoom(Math.exp(event.deltaY * WHEEL_ZOOM), x);
  } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    hands.pan(event.deltaX);
  }
}
