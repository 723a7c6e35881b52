/**
 * A real gRPC client, as a program of its own, that finds its backends by xDS.
 *
 * The programs are in `programs/`, one for each implementation of gRPC, and all take the same commands. What a
 * client is started with is what `fairway bootstrap --grpc` prints.
 */
import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { createGrpcBootstrap } from "../../src/cli/grpc-bootstrap.ts";
import type { ClientProgram } from "./grpc-programs.ts";

/** How calls ended: how many were answered by each backend, and what each failure said. */
export interface CallCounts {
  readonly answers: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

/** The method that backends answer with their label, unless a test asks for another. */
const METHOD = "/shop.Orders/Place";

/** One running client. */
export class GrpcClient {
  readonly nodeId: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: Interface;
  readonly #exited: Promise<unknown>;
  readonly #complaints: string[] = [];

  private constructor(nodeId: string, process: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.nodeId = nodeId;
    this.#process = process;
    this.#lines = createInterface({ input: process.stdout });
    this.#exited = once(process, "exit");
    createInterface({ input: process.stderr }).on("line", (line) => this.#complaints.push(line));
  }

  /** Starts the program with a bootstrap in `folder`; it connects with its first call. */
  static async start(
    program: ClientProgram,
    options: { readonly folder: string; readonly xdsPort: number; readonly target: string; readonly nodeId: string },
  ): Promise<GrpcClient> {
    const { nodeId } = options;
    const file = join(options.folder, `${nodeId}.json`);
    const xds = { host: "127.0.0.1", port: options.xdsPort };
    await writeFile(file, JSON.stringify(createGrpcBootstrap({ nodeId, cluster: "apps", xds })));
    const child = spawn(program.command, [...program.args, options.target], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, GRPC_XDS_BOOTSTRAP: file },
    });
    await once(child, "spawn");
    return new GrpcClient(nodeId, child);
  }

  /** Calls one after the other. */
  call(
    options: {
      readonly count?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly method?: string;
    } = {},
  ): Promise<CallCounts> {
    return this.#ask({ command: "call", count: 1, method: METHOD, ...options });
  }

  /** Begins to call without end, several at once. */
  async startLoad(): Promise<void> {
    await this.#ask({ command: "start", method: METHOD });
  }

  /** What became of all calls since. */
  stopLoad(): Promise<CallCounts> {
    return this.#ask({ command: "stop" });
  }

  async #ask(command: object): Promise<CallCounts> {
    const answer = Promise.race([
      once(this.#lines, "line"),
      this.#exited.then(() => Promise.reject(new Error(`${this.nodeId} ended:\n${this.#complaints.join("\n")}`))),
    ]);
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    const [line] = (await answer) as [string];
    return JSON.parse(line) as CallCounts;
  }

  /** Ends the program; what it called is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill("SIGKILL");
    await this.#exited;
  }
}
