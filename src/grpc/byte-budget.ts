/**
 * A number of bytes that many calls share: what is taken must be given back.
 *
 * Who gets nothing may wait in line and is called in turn. Nobody overtakes the line, so that a call with
 * much to send does not starve the others.
 */
export class ByteBudget {
  readonly #bytesMax: number;
  /** In the order in which they came. */
  readonly #line = new Set<() => void>();
  #takenBytes = 0;
  #isCalling = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Takes the bytes, or puts `again` in line and returns false; it then is called once, and may take again. */
  take(bytes: number, again?: () => void): boolean {
    const isFree = this.#takenBytes + bytes <= this.#bytesMax;
    const isMyTurn = this.#isCalling || this.#line.size === 0;
    if (isFree && (again === undefined || isMyTurn)) {
      this.#takenBytes += bytes;
      return true;
    }
    if (again !== undefined) this.#line.add(again);
    return false;
  }

  /** Gives bytes back, and calls who waits for them. */
  give(bytes: number): void {
    this.#takenBytes -= bytes;
    if (this.#isCalling) return;
    this.#isCalling = true;
    try {
      for (const again of this.#line) {
        if (this.#takenBytes >= this.#bytesMax) break;
        const waiting = this.#line.size;
        this.#line.delete(again);
        again();
        // It took its place at the end of the line: what is free is too little for it, and so for the next.
        if (this.#line.size === waiting) break;
      }
    } finally {
      this.#isCalling = false;
    }
  }

  /** Out of line. */
  leave(again: () => void): void {
    this.#line.delete(again);
  }
}
