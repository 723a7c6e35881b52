/**
 * Text of others, made safe for each form of a report.
 *
 * Names, reasons and what Envoys say when they refuse something are written by anybody. As they are they could end a
 * cell or an attribute, bring in a script, mention people, or with bidirectional marks show something else than is there.
 */

// Control and format characters, lone surrogates, separators, and what is no character: XML can hold none of the first.
// Joiners (U+200C, U+200D) stay, because scripts and emoji need them.
const unsafe = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu;

/** On one line, with a replacement character for each that cannot be shown. */
function oneLine(text: string): string {
  return text
    .replaceAll(/[\t\n\r ]+/g, " ")
    .replaceAll(unsafe, "\ufffd")
    .trim();
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For text and for attributes in quotes, of XML and of HTML. */
export function escapeMarkup(text: string): string {
  return oneLine(text).replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}

/**
 * For running text and cells of GitHub's Markdown. A backslash keeps a name from being formatted, but not from being a
 * mention or a reference, which are found in the finished text: an invisible space does.
 */
export function escapeMarkdown(text: string): string {
  return oneLine(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(/[\\`*_~|$[\]!]/g, "\\$&")
    .replaceAll(/[@#]/g, "$&&#8203;")
    .replaceAll("://", ":&#8203;//")
    .replaceAll(/www\./gi, (www) => `${www.slice(0, 3)}&#8203;.`);
}
