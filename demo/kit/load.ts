/**
 * A load generator: several loops that ask one URL over kept connections, and count what comes back.
 *
 * `Load.start` runs until it is stopped and can be read at any time; `Load.run` asks a fixed number of
 * times. Nothing is retried and every failure counts, because what is measured is whether anything
 * between here and the backend loses a request.
 */
import { Agent, request as httpRequest, type RequestOptions } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { LoadCounts, type LoadReport } from "./load-report.ts";

/** What is asked, how often, by how many at once. */
export interface LoadOptions {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How many requests are under way at most; each loop has a connection of its own. */
  readonly concurrency?: number;
  /** Over all loops; absent means as fast as the answers come. */
  readonly requestsPerSecond?: number;
  /** A request without a whole answer by then has failed. */
  readonly timeoutMs?: number;
  /** Statuses that are not failures; absent means 200 to 399. */
  readonly accept?: (status: number) => boolean;
  /** Is told of each answer: who gave it, and when it was asked for, by `performance.now()`. */
  readonly onAnswer?: (answer: { readonly label: string | undefined; readonly startedAtMs: number }) => void;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Load that runs until it is stopped. */
export class Load {
  readonly #options: LoadOptions;
  readonly #counts = new LoadCounts();
  readonly #agent: Agent;
  readonly #loops: readonly Promise<void>[];
  readonly #startedAt = performance.now();
  #remaining: number;
  #stopped = false;
  #slots = 0;

  private constructor(options: LoadOptions, requestsMax: number) {
    const concurrency = options.concurrency ?? 4;
    this.#options = options;
    this.#remaining = requestsMax;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: concurrency,
      maxFreeSockets: concurrency,
      scheduling: "fifo",
    });
    this.#loops = Array.from({ length: concurrency }, () => this.#loop());
  }

  /** Begins at once. */
  static start(options: LoadOptions): Load {
    return new Load(options, Number.POSITIVE_INFINITY);
  }

  /** Asks `count` times and reports. */
  static async run(options: LoadOptions & { readonly count: number }): Promise<LoadReport> {
    const load = new Load(options, options.count);
    await Promise.all(load.#loops);
    load.#agent.destroy();
    return load.report();
  }

  /** What was counted so far. */
  report(): LoadReport {
    return this.#counts.report((performance.now() - this.#startedAt) / 1_000);
  }

  /** Waits for the requests under way and reports. */
  async stop(): Promise<LoadReport> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    this.#agent.destroy();
    return this.report();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #loop(): Promise<void> {
    while (!this.#stopped && this.#remaining > 0) {
      this.#remaining -= 1;
      await this.#pace();
      if (this.#stopped) return;
      await this.#once();
    }
  }

  /** Gives each request the next slot on a common time line; after a stall it does not try to catch up. */
  async #pace(): Promise<void> {
    const { requestsPerSecond } = this.#options;
    if (requestsPerSecond === undefined) return;
    const now = performance.now();
    const slot = Math.max(this.#slots, now);
    this.#slots = slot + 1_000 / requestsPerSecond;
    if (slot > now) await pause(slot - now);
  }

  #once(): Promise<void> {
    const { url, method = "GET", headers = {}, timeoutMs = DEFAULT_TIMEOUT_MS, accept = isSuccess } = this.#options;
    const options: RequestOptions = { method, headers, agent: this.#agent, timeout: timeoutMs };
    const startedAt = performance.now();
    return new Promise((resolve) => {
      let settled = false;
      const fail = (error: Error & { readonly code?: string }): void => {
        if (settled) return;
        settled = true;
        this.#counts.addError(error.code ?? error.message);
        resolve();
      };
      const outgoing = httpRequest(url, options, (response) => {
        response.once("error", fail);
        response.once("end", () => {
          if (settled) return;
          settled = true;
          const status = response.statusCode ?? 0;
          const label = single(response.headers["x-backend"]);
          this.#options.onAnswer?.({ label, startedAtMs: startedAt });
          this.#counts.addAnswer({
            status,
            accepted: accept(status),
            label,
            overloaded: response.headers["x-envoy-overloaded"] !== undefined,
            latencyMs: performance.now() - startedAt,
          });
          resolve();
        });
        response.resume();
      });
      outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)));
      outgoing.on("error", fail);
      outgoing.end();
    });
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 399;
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
