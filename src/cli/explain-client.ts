/**
 * The serving thread's side of explaining: questions to the building thread, each with a bound in time.
 */
import type { MessagePort } from "node:worker_threads";
import type { AskedRequest } from "../explain/asked-request.ts";
import type { RequestFacts } from "../explain/explain-request.ts";
import { demandKey, meetDemand } from "../explain/resource-lookup.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { ExplainQuestion, ExplainReply } from "./explain-protocol.ts";

/** Far more than people ask at once. */
const WAITING_MAX = 16;
/** A build may be in front; longer nobody waits. */
const ANSWER_MS_MAX = 10_000;
/** Listeners, routes, clusters, endpoints: four rounds tell everything. */
const ROUNDS_MAX = 6;

/** The facts, and whether the lines of the config are known for them. */
export interface ExplainedFacts {
  readonly facts: RequestFacts;
  readonly hasLines: boolean;
}

interface Waiting {
  readonly question: Omit<ExplainQuestion, "given">;
  readonly snapshot: Snapshot;
  readonly given: Map<string, readonly Resource[]>;
  readonly timer: NodeJS.Timeout;
  readonly settle: (result: Result<ExplainedFacts, string>) => void;
  rounds: number;
}

/** Asks over one port at a time; a building thread that dies takes its questions with it. */
export class ExplainClient {
  #port: MessagePort | undefined;
  #askIds = 0;
  readonly #waiting = new Map<number, Waiting>();

  /** From now on this thread is asked. */
  connect(port: MessagePort): void {
    this.disconnect();
    this.#port = port;
    port.on("message", (reply: ExplainReply) => this.#receive(reply));
    // A port that is listened to would keep the process alive.
    port.unref();
  }

  /** Every question that waits is told that there is no answer. */
  disconnect(): void {
    this.#port?.close();
    this.#port = undefined;
    for (const askId of this.#waiting.keys()) this.#settle(askId, err("the building thread has ended; ask again"));
  }

  /** Explains from the snapshot, or says why there is no answer now. */
  async ask(asked: AskedRequest, snapshot: Snapshot): Promise<Result<ExplainedFacts, string>> {
    if (this.#port === undefined) return err("the building thread is not there; ask again after the next change");
    if (this.#waiting.size >= WAITING_MAX) return err(`${WAITING_MAX} questions are waiting; ask again`);
    this.#askIds += 1;
    const askId = this.#askIds;
    return new Promise((settle) => {
      const late = `the building thread is busy: no answer in ${ANSWER_MS_MAX / 1000} s`;
      const timer = setTimeout(() => this.#settle(askId, err(late)), ANSWER_MS_MAX);
      const question = { askId, asked, group: snapshot.group, version: snapshot.version };
      this.#waiting.set(askId, { question, snapshot, given: new Map(), timer, settle, rounds: 0 });
      this.#send(askId);
    });
  }

  #send(askId: number): void {
    const waiting = this.#waiting.get(askId);
    if (waiting === undefined) return;
    this.#port?.postMessage({ ...waiting.question, given: waiting.given } satisfies ExplainQuestion);
  }

  #receive(reply: ExplainReply): void {
    const { askId } = reply;
    const waiting = this.#waiting.get(askId);
    if (waiting === undefined) return;
    if (reply.kind === "explained") {
      this.#settle(askId, ok({ facts: reply.facts, hasLines: reply.hasLines }));
      return;
    }
    waiting.rounds += 1;
    if (reply.kind === "failed" || waiting.rounds > ROUNDS_MAX) {
      this.#settle(askId, err(reply.kind === "failed" ? reply.message : "the resources ask for ever more resources"));
      return;
    }
    for (const demand of reply.demands) {
      // A body may be a view of a whole file, all of which would be copied.
      const met = meetDemand(waiting.snapshot, demand).map((each) => ({ ...each, body: each.body.slice() }));
      waiting.given.set(demandKey(demand), met);
    }
    this.#send(askId);
  }

  #settle(askId: number, result: Result<ExplainedFacts, string>): void {
    const waiting = this.#waiting.get(askId);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(askId);
    waiting.settle(result);
  }
}
