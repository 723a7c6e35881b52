/**
 * The two readings of the benchmark: processor time of an Envoy for each request, and the times that clients see.
 */
import { fileURLToPath } from "node:url";
import { cpuTime } from "../proc-files.ts";
import { OrderedProgram } from "../xds/ordered-program.ts";
import { rank } from "../percentile.ts";
import type { LoadAnswer, LoadOrder, LoadTarget } from "./load-orders.ts";

const CLIENT = fileURLToPath(new URL("./load-client.ts", import.meta.url));

/** What a client sees, in ms from the moment at which a request was due. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** How late the load client sent 99 of 100 requests at most: what of the times is its own. */
  readonly lateP99Ms: number;
  readonly sent: number;
  readonly failed: number;
  readonly leadFailed: number;
}

/** How much is asked, and by how many connections. */
export interface Rate {
  readonly perSecond: number;
  readonly seconds: number;
  readonly leadSeconds?: number;
}

/** Enough to keep one worker of Envoy from sleeping between requests, and few enough to leave queues short. */
const CONNECTIONS = 16;

/** The load client, as a program of its own. */
export class LoadClient implements AsyncDisposable {
  readonly #program: OrderedProgram;

  private constructor(program: OrderedProgram) {
    this.#program = program;
  }

  static async start(): Promise<LoadClient> {
    const [program] = await OrderedProgram.start({ name: "load client", command: process.execPath, args: [CLIENT] });
    return new LoadClient(program);
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Microseconds of processor time that the program with this id takes for each of so many requests. */
  async cpuUs(target: LoadTarget, options: { readonly pid: number; readonly requests: number }): Promise<number> {
    const before = await cpuTime(options.pid);
    const answer = await this.#order({ kind: "count", target, connections: CONNECTIONS, requests: options.requests });
    const after = await cpuTime(options.pid);
    requireAnswers(answer, options.requests);
    return ((after.allMs - before.allMs) * 1_000) / options.requests;
  }

  /** Requests that are not measured, for what is only done once. */
  async warm(target: LoadTarget, requests: number): Promise<void> {
    requireAnswers(await this.#order({ kind: "count", target, connections: CONNECTIONS, requests }), requests);
  }

  /** Times at a fixed rate; failures are counted, not thrown. */
  latency(target: LoadTarget, { leadSeconds = 0, ...rate }: Rate): Promise<LoadAnswer> {
    return this.#order({ kind: "rate", target, connections: CONNECTIONS, leadSeconds, ...rate });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }

  #order(order: LoadOrder): Promise<LoadAnswer> {
    return this.#program.order<LoadAnswer>(order);
  }
}

/** What was seen in all of these measurements together. */
export function pooled(answers: readonly LoadAnswer[]): Latency {
  const ascending = (values: readonly number[]) => values.toSorted((a, b) => a - b);
  const times = ascending(answers.flatMap(({ latenciesMs }) => latenciesMs));
  const late = ascending(answers.flatMap(({ lateMs }) => lateMs));
  const sum = (name: "failed" | "leadFailed") => answers.reduce((total, answer) => total + answer[name], 0);
  return {
    p50Ms: rank(times, 50),
    p99Ms: rank(times, 99),
    p999Ms: rank(times, 99.9),
    maxMs: rank(times, 100),
    lateP99Ms: rank(late, 99),
    sent: times.length,
    failed: sum("failed"),
    leadFailed: sum("leadFailed"),
  };
}

/** A request that fails is cheaper than one that does not, so a measurement with failures says nothing. */
function requireAnswers({ sent, failed, statuses }: LoadAnswer, requests: number): void {
  if (sent === requests && failed === 0) return;
  throw new Error(`${failed} of ${requests} requests failed: ${JSON.stringify(statuses)}`);
}

/** The middle value; of an even number of values the lower of the two. */
export function median(values: readonly number[]): number {
  return rank(
    values.toSorted((a, b) => a - b),
    50,
  );
}
