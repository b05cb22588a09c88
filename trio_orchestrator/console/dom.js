/** Elements from data. Whatever a peer said goes in as text: nothing here reads markup. */

const SVG = "http://www.w3.org/2000/svg";

/** Paths of the icons, on a grid of 24 by 24. */
const ICONS = {
  mark: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M12 8.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7",
  wall: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  objects: "M12 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M5 20c0-4 3-6 7-6s7 2 7 6",
  timeline: "M4 6h9M8 12h11M5 18h7",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01",
  stop: "M6 6h12v12H6z",
  erase: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  plus: "M12 6v12M6 12h12",
  minus: "M6 12h12",
  key: "M15 13a4 4 0 1 0-3.9-5L4 15v4h4v-3h3v-3l.5-.5A4 4 0 0 0 15 13M16 8h.01",
  close: "M6 6l12 12M18 6L6 18",
};

/**
 * An element.
 * @param {string} tag
 * @param {{[name: string]: any}} [attributes] `on`: listeners; what is null, undefined or false is left out, true is empty.
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * Likewise, of SVG.
 * @param {string} tag
 * @param {{[name: string]: any}} [attributes]
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {any}
 */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * An icon; it says nothing to those who do not see it.
 * @param {keyof typeof ICONS} name
 * @returns {SVGElement}
 */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

/**
 * Set the text of `element`, if it is another one.
 * @param {Element} element
 * @param {string | number} text
 */
export function say(element, text) {
  if (element.textContent !== String(text)) element.textContent = String(text);
}

/**
 * Set an attribute, if it is another one; null takes it away.
 * @param {Element} element
 * @param {string} name
 * @param {string | number | null} value
 */
export function mark(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/**
 * Make the children of `parent` exactly `wanted`, in that order, moving as few as needed: what has the focus keeps it.
 * @param {Element} parent
 * @param {Element[]} wanted
 */
export function arrange(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

/** Whether keys typed into `target` are text. @param {EventTarget | null} target */
export function takesText(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/**
 * @param {Element} element
 * @param {{[name: string]: any}} attributes
 * @param {(Node | string | number | null | undefined | false)[]} children
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
  return element;
}
