/**
 * A strict reader of XML, as far as reports use it: it throws at whatever is not well-formed, so that text of others
 * that was not escaped is found by reading the document.
 */

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Of this element and all below it. */
  readonly text: string;
}

interface Open {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  text: string;
}

const token = /<\?[^?]*\?>|<!doctype html>|<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[^<]+|</gy;
const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** The root element. */
export function parseXml(document: string): XmlElement {
  const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(document);
  if (forbidden !== null) throw new Error(`a character that XML forbids at ${forbidden.index}`);
  const root: Open = { name: "", attributes: {}, children: [], text: "" };
  const open: Open[] = [root];
  for (const [all, closing, name = "", attributes = "", isEmpty] of document.matchAll(token)) {
    const innermost = open.at(-1) ?? root;
    if (all === "<") throw new Error(`a stray < after ${innermost.name}`);
    if (name === "") {
      if (!/^<[?!]/.test(all)) innermost.text += decode(all);
    } else if (closing === "/") {
      close(open, name);
    } else {
      open.push({ name, attributes: attributesOf(attributes), children: [], text: "" });
      if (isEmpty === "/") close(open, name);
    }
  }
  const [element, ...others] = root.children;
  if (open.length > 1) throw new Error(`${open.at(-1)?.name} is not closed`);
  if (element === undefined || others.length > 0 || root.text.trim() !== element.text.trim())
    throw new Error("there must be one root");
  return element;
}

/** All elements of a name, in the order of the document. */
export function elementsOf(element: XmlElement, name: string): readonly XmlElement[] {
  const below = element.children.flatMap((child) => elementsOf(child, name));
  return element.name === name ? [element, ...below] : below;
}

function close(open: Open[], name: string): void {
  const element = open.pop();
  const parent = open.at(-1);
  if (element?.name !== name || parent === undefined) throw new Error(`</${name}> closes ${element?.name}`);
  parent.children.push(element);
  parent.text += element.text;
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/([\w:-]+)="([^"]*)"/g)) {
    if (Object.hasOwn(attributes, name)) throw new Error(`${name} is there twice`);
    attributes[name] = decode(value);
  }
  return attributes;
}

function decode(text: string): string {
  return text.replaceAll(/&([^;\s]*)(;?)/g, (all, name: string, end: string) => {
    const character = end === ";" ? entities[name] : undefined;
    if (character === undefined) throw new Error(`no entity: ${all}`);
    return character;
  });
}
