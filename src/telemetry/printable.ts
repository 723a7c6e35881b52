/**
 * Text from outside, made safe to print.
 *
 * Node ids, rejection messages and file names are written by others. Raw, they could move the cursor of a
 * terminal, colour what follows, forge a line of the log or, with bidirectional marks, show something else
 * than what is there.
 */

// C0 with DEL and C1, line and paragraph separators, bidirectional marks and overrides, byte order mark, lone surrogates.
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The text on one line, with everything unsafe as `\uXXXX`. */
export function printable(text: string): string {
  return text.replace(unsafe, escape);
}

/**
 * As `printable`, keeping line ends and colours: for text that was drawn by us around words of others, who
 * cannot have brought a colour in because drawing replaces control characters.
 */
export function printableDrawing(text: string): string {
  const lines = text.split("\n").map((line) =>
    line
      .split(color)
      .map((part, index) => (index % 2 === 1 ? part : printable(part)))
      .join(""),
  );
  return lines.join("\n");
}

// In a group, so that `split` keeps what it splits at.
const color = /(\u001b\[[0-9;]*m)/;

/** A character in the form that JSON reads back, so that a serialised line may be passed through as well. */
function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
