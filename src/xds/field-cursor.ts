/**
 * The fields of a protobuf message that have a length, one after the other, where they lie.
 *
 * All that requests of discovery are made of: texts, and messages that hold texts. Fields of other wire types are
 * skipped, as protobuf wants it of fields that a reader does not know.
 */
import type { TextPool } from "./text-pool.ts";

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A varint has at most ten bytes; of a tag or a length only the lower 32 bits count. */
const VARINT_BYTES_MAX = 10;

/** Stands at no field at first. */
export class FieldCursor {
  readonly #bytes: Buffer;
  readonly #limit: number;
  #at: number;
  /** The field's number. */
  number = 0;
  /** Where the field begins, its tag included. */
  start = 0;
  /** Where the content begins, and where it has ended. */
  from = 0;
  end = 0;

  constructor(bytes: Buffer, from = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#limit = end;
  }

  /** Goes to the next field; false when there is none. Throws when the bytes are not a message. */
  next(): boolean {
    while (this.#at < this.#limit) {
      this.start = this.#at;
      const tag = this.#varint();
      this.number = tag >>> 3;
      if (this.number === 0) throw new Error("a field of a message has the number 0");
      const wireType = tag & 7;
      if (wireType === LENGTH_DELIMITED) {
        const length = this.#varint();
        this.from = this.#at;
        this.#advance(length);
        this.end = this.#at;
        return true;
      }
      if (wireType === VARINT) this.#varint();
      else if (wireType === FIXED_64) this.#advance(8);
      else if (wireType === FIXED_32) this.#advance(4);
      else throw new Error(`a field of a message has the wire type ${wireType}`);
    }
    return false;
  }

  /** The field as text. */
  text(texts: TextPool): string {
    return texts.read(this.#bytes, this.from, this.end);
  }

  /** The fields of the message in this field. */
  inside(): FieldCursor {
    return new FieldCursor(this.#bytes, this.from, this.end);
  }

  #varint(): number {
    let value = 0;
    for (let count = 0; count < VARINT_BYTES_MAX; count += 1) {
      const byte = this.#bytes[this.#at];
      this.#advance(1);
      if (byte === undefined) break;
      if (count < 5) value |= (byte & 0x7f) << (7 * count);
      if (byte < 0x80) return value >>> 0;
    }
    throw new Error("a number in a message does not end");
  }

  #advance(bytes: number): void {
    if (bytes > this.#limit - this.#at) throw new Error("a message ends within a field");
    this.#at += bytes;
  }
}
