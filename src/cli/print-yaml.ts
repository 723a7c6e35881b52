/**
 * YAML that reads alike in version 1.1 and in version 1.2.
 *
 * Envoy reads YAML 1.1 (with yaml-cpp, which also takes octal and hexadecimal numbers), most tools of
 * today read 1.2, and the two disagree about `n`, `on`, `007` or `1:30`. So a string is written bare
 * only when it is a plain word in every version, and as a JSON string otherwise.
 */
import { Document, isScalar, visit } from "yaml";

/** A block-style document with a final newline; a string means the same string to every reader. */
export function printYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, scalar) => {
      if (isScalar(scalar) && typeof scalar.value === "string" && !isPlainEverywhere(scalar.value)) {
        scalar.type = "QUOTE_DOUBLE";
      }
    },
  });
  const text = document.toString({
    lineWidth: 0,
    doubleQuotedAsJSON: true,
    flowCollectionPadding: false,
  });
  return text.replaceAll(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** JSON leaves these as they are; YAML forbids them, takes some for line breaks, and some for nothing at all. They occur in quotes only. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/**
 * A word that begins with a letter, so it is no number, holds nothing that YAML gives a meaning, and is
 * no word of YAML 1.1; or one of two shapes that are everywhere in Envoy's files: seconds, IPv4 addresses.
 */
function isPlainEverywhere(text: string): boolean {
  if (/^[A-Za-z][A-Za-z0-9_./-]*$/.test(text)) return !WORDS.has(text.toLowerCase());
  return /^\d+(?:\.\d+)?s$/.test(text) || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text);
}

/** The booleans and the null of YAML 1.1; yaml-cpp takes any of them in any capitals that YAML names. */
const WORDS: ReadonlySet<string> = new Set(["y", "yes", "n", "no", "true", "false", "on", "off", "null"]);
