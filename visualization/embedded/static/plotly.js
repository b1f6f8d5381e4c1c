// Loading Plotly, from the same server.

import { byId, element } from "./dom.js";

/** Plotly adds the style sheet of its maps while it loads, which the page's content
 * security policy refuses, with an error in the console. Here are no maps: until it is
 * loaded, what it asks for as a style element is one that means nothing.
 * @returns {Promise<any>}
 */
export async function loadPlotly() {
  const source = byId("plotly-source").getAttribute("href") ?? "";
  const script = element("script", { src: source });
  document.createElement = (/** @type {string} */ tag, /** @type {any} */ options) =>
    Document.prototype.createElement.call(document, tag === "style" ? "template" : tag, options);
  try {
    await new Promise((resolve, reject) => {
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error(`${source} cannot be loaded.`)));
      document.head.append(script);
    });
  } finally {
    // Uncovers the method of the prototype.
    Reflect.deleteProperty(document, "createElement");
  }
  return /** @type {any} */ (globalThis).Plotly;
}
