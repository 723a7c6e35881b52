/**
 * Texts of requests without making a string for one that came before.
 *
 * A fleet that connects or comes back says the same names and versions a thousand times. They are recognised by
 * their bytes, and the same string object is handed out, so that comparing it later costs nothing either.
 */

/** One for each server; its size is bounded and does not depend on what clients say. */
export interface TextPool {
  /** The text in `bytes` from `start` to before `end`, as UTF-8. */
  read(bytes: Buffer, start: number, end: number): string;
}

/** Enough for ten thousand names with two versions each; a text that finds its places taken is just made again. */
const SLOTS = 1 << 16;

/** Names and versions are shorter; what is longer is not worth its room. */
const BYTES_MAX = 128;

/** An empty pool. */
export function createTextPool(): TextPool {
  const slots = Array.from<string | undefined>({ length: SLOTS });
  return {
    read(bytes, start, end) {
      if (end - start > BYTES_MAX) return bytes.toString("utf8", start, end);
      // FNV-1a; who chooses names so that they collide only makes their strings anew.
      let hash = 0x811c9dc5;
      let highest = 0;
      for (let at = start; at < end; at += 1) {
        const byte = bytes[at] ?? 0;
        highest |= byte;
        hash = Math.imul(hash ^ byte, 0x01000193);
      }
      if (highest > 0x7f) return bytes.toString("utf8", start, end);
      const first = (hash ^ (hash >>> 16)) & (SLOTS - 1);
      const second = first ^ 1;
      const known = slots[first];
      if (known !== undefined && isAt(known, bytes, start, end)) return known;
      const other = slots[second];
      if (other !== undefined && isAt(other, bytes, start, end)) return other;
      const text = bytes.toString("latin1", start, end);
      slots[second] = known;
      slots[first] = text;
      return text;
    },
  };
}

function isAt(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) !== bytes[start + at]) return false;
  return true;
}
