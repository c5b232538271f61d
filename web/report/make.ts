/** Elements of a report, made by code. Text is text: no name of a class or a file becomes HTML. */

type Child = Node | string | undefined;

interface Attributes {
  readonly [name: string]: string | number | boolean | undefined;
}

/** An element with its attributes (true: there, without a value; undefined: not there) and its children. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  return filled(document.createElement(name), attributes, children);
}

/** The same of SVG. */
export function makeSvg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Name] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled<T extends Element>(made: T, attributes: Attributes, children: readonly Child[]): T {
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined && value !== false)
      made.setAttribute(key, value === true ? "" : String(value));
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** A part of the report with its heading. */
export function part(
  id: string,
  title: string,
  lead: string | undefined,
  ...children: readonly Child[]
): HTMLElement {
  return make(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    make("h2", { id: `${id}-title` }, title),
    lead === undefined ? undefined : make("p", { class: "lead" }, lead),
    ...children,
  );
}

/** A bar of a share in [0, 1]. The page's policy lets no style be written into an element's text. */
export function bar(share: number, kind = ""): HTMLElement {
  const inner = make("span");
  inner.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return make("span", { class: `track ${kind}`.trim(), "aria-hidden": "true" }, inner);
}
