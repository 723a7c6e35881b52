/**
 * Tells when there is something to say of a certificate although nothing has changed: it begins, ends soon or has ended.
 *
 * By the machine's own time, which may be put right meanwhile: so it looks again at least once an hour.
 */
import type { Validity } from "../model/validity.ts";
import { nextMomentMs } from "../model/validity.ts";
import type { Clock } from "../support/clock.ts";

const LOOK_MS_MAX = 3_600_000;

export class ValidityTimer {
  readonly #ports: { readonly clock: Clock; onMoment(): void };
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: { readonly clock: Clock; onMoment(): void }) {
    this.#ports = ports;
  }

  /** From now on these and no others. */
  follow(validities: readonly Validity[]): void {
    this.close();
    const nextMs = nextMomentMs(validities, this.#ports.clock.nowMs());
    if (nextMs !== undefined) this.#wait(nextMs);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #wait(momentMs: number): void {
    const restMs = momentMs - this.#ports.clock.nowMs();
    this.#timer = setTimeout(
      () => {
        if (this.#ports.clock.nowMs() < momentMs) this.#wait(momentMs);
        else this.#ports.onMoment();
      },
      Math.min(Math.max(0, restMs), LOOK_MS_MAX),
    );
    this.#timer.unref();
  }
}
