// Building elements. Text from the server only ever becomes text, never markup.

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @returns {SVGElement}
 */
export function svgElement(tag, attributes = {}) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}.`);
  return found;
}

/** Give a row the cells of another one, but leave those that say the same: what has the
 * focus keeps it.
 * @param {Element} row
 * @param {Element} wanted
 */
export function patchRow(row, wanted) {
  [...wanted.children].forEach((cell, i) => {
    const there = row.children[i];
    if (!there.isEqualNode(cell)) there.replaceWith(cell);
  });
}

/** Show these rows; those that are there stay as far as they can.
 * @param {Element} body
 * @param {Element[]} rows
 */
export function patchRows(body, rows) {
  if (body.children.length !== rows.length) body.replaceChildren(...rows);
  else rows.forEach((row, i) => patchRow(body.children[i], row));
}

/** Show a text that may be too long for its place: in full when pointed at.
 * @param {HTMLElement} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent === text) return;
  target.textContent = text;
  target.title = text;
}
