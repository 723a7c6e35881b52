/**
 * Whether a service answers: a TCP connection, or an HTTP request with a status from 200 to 399, asked again and again.
 */
import { get } from "node:http";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../support/clock.ts";

/** What is asked. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  /** Of an HTTP request; undefined for a connection alone. */
  readonly path: string | undefined;
}

export interface ProbeOptions extends ProbeTarget {
  readonly intervalMs: number;
  /** Told when it is another than before; at first it is taken to be ill. */
  readonly onChange: (isHealthy: boolean, reason: string) => void;
  /** It has not answered yet, or no more, for this reason, which is told once and then now and then. */
  readonly onWaiting: (reason: string) => void;
  /** Whoever looks at the end of a log wants to see it. */
  readonly remindMs?: number;
}

/** A program that is about to start is asked this often. */
const FIRST_INTERVAL_MS = 100;
/** One lost answer is no illness. */
const FAILURES_MAX = 3;
const REMIND_MS = 300_000;

/** Asks at once and until it is closed. */
export class HealthProbe {
  readonly #options: ProbeOptions;
  readonly #ending = new AbortController();
  #isHealthy = false;

  constructor(options: ProbeOptions) {
    this.#options = options;
    void this.#run();
  }

  close(): void {
    this.#ending.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    const { intervalMs, onChange, onWaiting, remindMs = REMIND_MS } = this.#options;
    const startedMs = systemClock.monotonicMs();
    let failures = 0;
    let alike = 0;
    let reason: string | undefined;
    let told: string | undefined;
    let toldAtMs = Infinity;
    let hasBeenHealthy = false;
    while (!signal.aborted) {
      const problem = await ask(this.#options, intervalMs);
      if (signal.aborted) return;
      failures = problem === undefined ? 0 : failures + 1;
      hasBeenHealthy ||= problem === undefined;
      alike = problem === reason ? alike + 1 : 1;
      reason = problem;
      const nowMs = systemClock.monotonicMs();
      const isLong = alike >= FAILURES_MAX && nowMs - startedMs >= intervalMs;
      const isNews = (!hasBeenHealthy && isLong && problem !== told) || nowMs - toldAtMs >= remindMs;
      if (problem !== undefined && isNews) {
        told = problem;
        toldAtMs = nowMs;
        onWaiting(problem);
      }
      const isHealthy = problem === undefined || (this.#isHealthy && failures < FAILURES_MAX);
      if (isHealthy !== this.#isHealthy) {
        this.#isHealthy = isHealthy;
        toldAtMs = isHealthy ? Infinity : nowMs;
        onChange(isHealthy, problem ?? "it answers");
      }
      const waitMs = hasBeenHealthy ? intervalMs : Math.min(intervalMs, FIRST_INTERVAL_MS);
      await pause(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** What is wrong, or undefined. */
function ask(target: ProbeTarget, timeoutMs: number): Promise<string | undefined> {
  const { host, port, path } = target;
  return new Promise((resolve) => {
    if (path === undefined) {
      const socket = connect({ host, port, timeout: timeoutMs });
      const end = (problem: string | undefined) => {
        socket.destroy();
        resolve(problem);
      };
      socket.once("connect", () => end(undefined));
      socket.once("timeout", () => end(`no connection in ${timeoutMs} ms`));
      socket.once("error", (cause) => end(cause.message));
      return;
    }
    const request = get({ host, port, path, timeout: timeoutMs, agent: false }, (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      resolve(statusCode >= 200 && statusCode <= 399 ? undefined : `${path} answers ${statusCode}`);
    });
    request.once("timeout", () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    request.on("error", (cause) => resolve(cause.message));
  });
}
