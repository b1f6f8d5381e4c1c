// On a narrow screen what stands at the side is a drawer.

import { byId } from "../base/dom.js";

export function wireDrawer() {
  const button = byId("open-side");
  button.addEventListener("click", () => setOpen(!isOpen()));
  byId("shade").addEventListener("click", closeDrawer);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && closeDrawer()) button.focus();
  });
}

/** Tells whether it was open. */
export function closeDrawer() {
  const wasOpen = isOpen();
  setOpen(false);
  return wasOpen;
}

function isOpen() {
  return document.body.dataset.drawer === "open";
}

/** @param {boolean} open */
function setOpen(open) {
  if (open) document.body.dataset.drawer = "open";
  else delete document.body.dataset.drawer;
  byId("open-side").setAttribute("aria-expanded", String(open));
  byId("main").inert = open;
  if (open) byId("search").focus();
}
