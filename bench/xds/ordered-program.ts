/**
 * A program that obeys orders: one JSON document a line in, one answer a line out.
 *
 * It ends by itself when its input ends, so it never outlives the benchmark, however that ends.
 */
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** What to run. */
export interface ProgramOptions {
  /** For error messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** Enough of the error output to see why a program ended. */
const LINES_KEPT = 20;
const LINE_CHARS_MAX = 400;

/** A program that does not end when its input does is killed after this. */
const CLOSE_MS = 5_000;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** One running program. */
export class OrderedProgram implements AsyncDisposable {
  readonly pid: number;
  readonly #name: string;
  readonly #child: Child;
  readonly #complaints: string[] = [];
  readonly #waiting: { resolve(answer: unknown): void; reject(error: Error): void }[] = [];
  readonly #ended: Promise<void>;
  #end: string | undefined;

  private constructor(name: string, child: Child, pid: number) {
    this.#name = name;
    this.#child = child;
    this.pid = pid;
    createInterface({ input: child.stdout }).on("line", (line) => this.#waiting.shift()?.resolve(JSON.parse(line)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.#complaints.push(line.slice(0, LINE_CHARS_MAX));
      if (this.#complaints.length > LINES_KEPT) this.#complaints.shift();
    });
    // The program may be gone when the next order is written; its end says why.
    child.stdin.on("error", () => undefined);
    this.#ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#end = `it ended with ${signal ?? code}`;
        for (const { reject } of this.#waiting.splice(0)) reject(this.#failure(this.#end));
        resolve();
      });
    });
  }

  /** Starts it; resolves with it and the first thing that it says. */
  static async start<Greeting>({ name, command, args }: ProgramOptions): Promise<[OrderedProgram, Greeting]> {
    // A group of its own: Ctrl-C in a terminal reaches the benchmark only, which ends its programs in order.
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => reject(new Error(`${name} did not start: ${command}`, { cause })));
    });
    if (child.pid === undefined) throw new Error(`${name} has no process id`);
    const program = new OrderedProgram(name, child, child.pid);
    return [program, await program.#answer<Greeting>()];
  }

  /** Gives an order; resolves with the answer, rejects when it could not be carried out. */
  order<Answer>(order: object): Promise<Answer> {
    const answered = this.#answer<Answer>();
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    return answered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), CLOSE_MS);
    await this.#ended;
    clearTimeout(insist);
  }

  async #answer<Answer>(): Promise<Answer> {
    if (this.#end !== undefined) throw this.#failure(this.#end);
    const answer = await new Promise<unknown>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    const { error } = answer as { readonly error?: string };
    if (error !== undefined) throw this.#failure(error);
    return answer as Answer;
  }

  #failure(message: string): Error {
    return new Error([`${this.#name}: ${message}`, ...this.#complaints.map((line) => `  | ${line}`)].join("\n"));
  }
}
