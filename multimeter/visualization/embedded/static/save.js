// Files for whoever looks at the page.

import { element } from "./dom.js";

/** Have the browser save what an address answers. @param {string} href
 * @param {string} [name] */
export function saveFrom(href, name = "") {
  const link = element("a", { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

/** @param {Blob} blob
 * @param {string} name */
export function saveBlob(blob, name) {
  const address = URL.createObjectURL(blob);
  saveFrom(address, name.replace(/[^\p{L}\p{N}._ -]+/gu, "_"));
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
