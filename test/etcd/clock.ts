/** A clock of a program that can be set while it runs. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PRELOAD = fileURLToPath(new URL("shifted-clock.ts", import.meta.url));

export const HOUR_MS = 3_600_000;

export class ShiftedClock {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.jump(0);
  }

  /** For the program that has this clock. */
  get env(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--import=${PRELOAD}`, TEST_CLOCK_FILE: this.#path };
  }

  /** From now on it is wrong by so much. */
  jump(byMs: number): void {
    writeFileSync(this.#path, String(byMs));
  }
}
