/**
 * The benchmark's side of the simulated nodes: starts their program, gives orders and ends it.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FleetAnswer, FleetOrder } from "./fleet-orders.ts";

const PROGRAM = fileURLToPath(new URL("./simulated-nodes.ts", import.meta.url));

/** One program with any number of nodes. */
export class SimulatedFleet implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
  }

  static start(): SimulatedFleet {
    // Detached, so that Ctrl-C reaches the benchmark alone; the nodes end when its end of the channel does.
    const child = fork(PROGRAM, { detached: true, stdio: ["ignore", "ignore", "inherit", "ipc"] });
    if (child.pid === undefined) throw new Error("the program of the simulated nodes did not start");
    return new SimulatedFleet(child, child.pid);
  }

  /** Gives an order and waits until it is carried out. */
  async order(order: FleetOrder): Promise<FleetAnswer & { readonly kind: "done" }> {
    const ended = new AbortController();
    const exit = once(this.#child, "exit", { signal: ended.signal }).then(([code]) => {
      throw new Error(`the program of the simulated nodes ended with ${String(code)}`);
    });
    const answered = once(this.#child, "message", { signal: ended.signal }) as Promise<[FleetAnswer]>;
    this.#child.send(order);
    try {
      const [answer] = await Promise.race([answered, exit]);
      if (answer.kind === "failed") throw new Error(answer.message);
      return answer;
    } finally {
      for (const waiting of [exit, answered]) waiting.catch(() => undefined);
      ended.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }
}
