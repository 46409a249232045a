// Elements, made without markup: words only ever go in as text, because team names are hostile until proven otherwise.

const SVG = "http://www.w3.org/2000/svg";

const dress = (made, facts, children) => {
  for (const [name, value] of Object.entries(facts)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
};

// el("td", { class: "n" }, "words", element): an element with attributes, listeners (onclick) and children.
export const el = (tag, facts = {}, ...children) => dress(document.createElement(tag), facts, children);

export const svg = (tag, facts = {}, ...children) => dress(document.createElementNS(SVG, tag), facts, children);

// Nothing is touched that already says so: selections and screen readers stay where they are.
export const say = (element, words) => {
  if (element.textContent !== words) element.textContent = words;
};

export const mark = (element, name, isOn) => {
  if (element.classList.contains(name) !== isOn) element.classList.toggle(name, isOn);
};

export const byId = (id) => document.getElementById(id);
