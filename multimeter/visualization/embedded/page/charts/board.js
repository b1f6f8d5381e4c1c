// All panels of a run: drawn together, pointed at together, zoomed together.

import { huesOf } from "../base/colors.js";
import { element, setText } from "../base/dom.js";
import { linesOf } from "./curves.js";
import { Panel } from "./panel.js";
import { listen } from "./pointer.js";

const SIGHT_MS = 300; // at most, until the browser says what is in sight
const TURN_MS = 40; // of drawing, before the browser gets a turn

/**
 * @typedef {object} BoardEvents
 * @property {(range: import("../base/types.js").Range) => void} select
 * @property {(part: number) => void} pan                     part of the range
 * @property {(factor: number, centre: number) => void} zoom
 * @property {() => void} reset
 */

/** What stands above panels that somebody has made. @param {string} group */
function headingOf(group) {
  const heading = element("h2", { class: "group" });
  setText(heading, group);
  return heading;
}
/** A group was folded or unfolded. @typedef {(group: string, open: boolean) => void} Fold */

export class Board {
  /**
   * @param {HTMLElement} root
   * @param {BoardEvents} events
   * @param {import("./panel.js").PanelActions & {fold?: Fold}} [actions]  of each panel, and of groups
   */
  constructor(root, events, actions = {}) {
    this.root = root;
    this.actions = actions;
    this.events = events;
    /** @type {Panel[]} */
    this.panels = [];
    /** @type {Map<string, HTMLDetailsElement>} */
    this.groups = new Map();
    /** @type {Set<Element>} */
    this.inSight = new Set();
    /** @type {import("../base/types.js").Frame | null} */
    this.frame = null;
    /** @type {{panel: Panel, x: number} | null} where the pointer is */
    this.pointed = null;
    this.definitions = "";
    this.observer = new IntersectionObserver((entries) => this.sighted(entries), { rootMargin: "200px" });
    document.addEventListener("pointerdown", ({ target }) => {
      if (!(target instanceof Element && target.closest(".plot"))) this.leave();
    });
  }

  /** Make the panels of a run, unless they are there already.
   * @param {string} identifier
   * @param {import("../base/types.js").PanelDefinition[]} definitions
   * @param {Map<string, number>} [hues]  by subject, or by key
   */
  build(identifier, definitions, hues = huesOf(definitions)) {
    const wanted = JSON.stringify([identifier, definitions]);
    if (wanted === this.definitions) return;
    this.clear();
    this.definitions = wanted;
    this.panels = definitions.map((definition) => new Panel(definition, hues, this.actions));
    this.groups = groupsOf(this.panels, this.actions.fold);
    const first = this.panels.filter(({ definition }) => !folds(definition));
    this.root.replaceChildren(...first.flatMap(({ root, definition: { group } }, i) => (
      group && group !== first[i - 1]?.definition.group ? [headingOf(group), root] : [root])), ...this.groups.values());
    for (const panel of this.panels) {
      listen(panel.plot, this.handsOn(panel));
      this.observer.observe(panel.root);
    }
  }

  /** @param {Set<string>} groups  the others are folded */
  unfold(groups) {
    for (const [title, details] of this.groups) details.open = groups.has(title);
  }

  clear() {
    this.observer.disconnect();
    this.inSight.clear();
    this.panels.forEach((panel) => panel.root.remove());
    this.panels = [];
    this.definitions = "";
    this.frame = null;
    this.pointed = null;
  }

  /** @param {import("../base/types.js").Held} held */
  setData(held) {
    for (const panel of this.panels) panel.setLines(linesOf(panel.definition, held));
  }

  /** Draw every panel, those in sight first.
   * @param {import("../base/types.js").Frame} frame
   * @param {AbortSignal} signal
   */
  async draw(frame, signal) {
    this.frame = frame;
    await this.drawThose(this.bySight(), frame, signal);
  }

  /** Wait until it is known which panels are in sight. */
  async seen() {
    const deadline = performance.now() + SIGHT_MS;
    while (!this.inSight.size && this.panels.length && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  /** Draw the panels in sight; the others when they are scrolled to.
   * @param {import("../base/types.js").Frame} frame
   */
  drawInSight(frame) {
    this.frame = frame;
    for (const panel of this.panels) panel.stale = true;
    const some = this.panels.filter((panel) => this.inSight.has(panel.root));
    for (const panel of some) panel.draw(frame);
    if (this.pointed) this.point(this.pointed.panel, this.pointed.x);
  }

  /** Draw every panel without giving the browser a turn, for printing.
   * @param {import("../base/types.js").Frame} frame
   */
  drawAtOnce(frame) {
    this.frame = frame;
    for (const panel of this.panels) if (panel.plot.clientWidth) panel.draw(frame);
  }

  bySight() {
    const far = (/** @type {Panel} */ panel) => (this.inSight.has(panel.root) ? 0 : 1);
    return [...this.panels].sort((a, b) => far(a) - far(b));
  }

  /**
   * @param {Panel[]} panels
   * @param {import("../base/types.js").Frame} frame
   * @param {AbortSignal} signal
   */
  async drawThose(panels, frame, signal) {
    let turn = performance.now();
    for (const panel of panels) {
      signal.throwIfAborted();
      if (!panel.plot.clientWidth) continue; // folded away
      panel.draw(frame);
      if (performance.now() - turn < TURN_MS) continue;
      await new Promise((resolve) => setTimeout(resolve));
      turn = performance.now();
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  sighted(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.inSight.add(target);
      else this.inSight.delete(target);
    }
    const { frame } = this;
    if (!frame) return;
    const stale = this.panels.filter((panel) => panel.stale && this.inSight.has(panel.root));
    stale.forEach((panel) => panel.draw(frame));
  }

  /** The width of a plot, in pixels. */
  plotWidth() {
    const panel = this.panels.find(({ plot }) => plot.clientWidth);
    return panel ? panel.plot.clientWidth : this.root.clientWidth;
  }

  /** @param {Panel} panel
   * @returns {import("./pointer.js").Hands} */
  handsOn(panel) {
    const between = (/** @type {number} */ a, /** @type {number} */ b) => ({
      from: panel.momentAt(Math.min(a, b)),
      to: panel.momentAt(Math.max(a, b)),
    });
    return {
      point: (x) => this.point(panel, x),
      leave: () => this.leave(),
      selecting: (a, b) => this.panels.forEach((each) => each.showSelection(between(a, b))),
      select: (a, b) => {
        this.panels.forEach((each) => each.showSelection(null));
        this.events.select(between(a, b));
      },
      cancel: () => this.panels.forEach((each) => each.showSelection(null)),
      pan: (pixels) => this.events.pan(pixels / panel.box.width),
      zoom: (factor, x) => this.events.zoom(factor, panel.momentAt(x)),
      reset: () => this.events.reset(),
    };
  }

  /** @param {Panel} panel
   * @param {number} x */
  point(panel, x) {
    this.pointed = { panel, x };
    const moment = panel.pointedAt(x);
    for (const each of this.panels) {
      if (each === panel || this.inSight.has(each.root)) each.showCursor(moment, each === panel);
    }
  }

  leave() {
    this.pointed = null;
    this.panels.forEach((each) => each.hideCursor());
  }
}

// Groups of panels, each under a heading that folds them away.

/** Whether a panel can be folded away; a dashboard of one's own is there to be seen.
 * @param {{id: string, group?: string}} definition */
export function folds({ id, group }) {
  return Boolean(group) && !id.startsWith("own:");
}

/** The groups in the order of their first panels; those without one are left out.
 * @param {import("./panel.js").Panel[]} panels
 * @param {Fold} [onFold]
 * @returns {Map<string, HTMLDetailsElement>} by title
 */
export function groupsOf(panels, onFold) {
  const folding = panels.filter(({ definition }) => folds(definition));
  const titles = new Set(folding.map(({ definition }) => definition.group ?? ""));
  return new Map([...titles].map((title) => {
    const inside = folding.filter(({ definition }) => definition.group === title);
    const count = `${inside.length} ${inside.length === 1 ? "panel" : "panels"}`;
    const details = /** @type {HTMLDetailsElement} */ (element(
      "details", { class: "group", "data-group": title },
      element("summary", {}, element("h2", {}, title), element("span", { class: "count" }, count)),
      element("div", { class: "panels" }, ...inside.map((panel) => panel.root)),
    ));
    details.addEventListener("toggle", () => onFold?.(title, details.open));
    return [title, details];
  }));
}
