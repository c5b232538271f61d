/**
 * An element of the page.
 * @throws Error where the page has none of this kind
 */
export function element<T extends Element>(
  kind: new () => T,
  selector: string,
  within: ParentNode = document,
): T {
  const found = within.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the page lacks ${selector}`);
  return found;
}

/** A copy of a template's one element. */
export function copyOf(templateId: string): HTMLElement {
  const template = element(HTMLTemplateElement, `template#${templateId}`);
  const copy = template.content.firstElementChild?.cloneNode(true);
  if (!(copy instanceof HTMLElement)) throw new Error(`the template ${templateId} is empty`);
  return copy;
}
