/**
 * A program run as a child that never outlives its parent.
 *
 * The child's output is kept, bounded, for error messages. It is killed by its process id when it is
 * closed, when the parent exits for any reason it can notice, and, where Linux's `setpriv` is installed,
 * by the kernel when the parent is killed without notice.
 */
import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";
import { waitUntil } from "./wait-until.ts";

/** What to run. */
export interface ChildOptions {
  /** For error messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Enough to see what led to a failure; a program that logs without end must not fill the memory. */
const LINES_MAX = 5_000;
/** Envoy prints whole messages when it refuses them. */
const LINE_CHARS_MAX = 16_384;
/** How many of the last lines an error message quotes. */
const LINES_QUOTED = 15;

/** One running program. */
export class Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the program has ended and its output is complete; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #lines: string[] = [];
  #exit: ChildExit | undefined;

  private constructor(name: string, child: ChildProcessByStdio<null, Readable, Readable>, pid: number) {
    this.name = name;
    this.pid = pid;
    this.#process = child;
    this.#keepLines(child.stdout);
    this.#keepLines(child.stderr);
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#exit = { code, signal };
        running.delete(this);
        resolve(this.#exit);
      });
    });
    running.add(this);
  }

  /** Starts the program; rejects when it cannot be started at all. */
  static async start(options: ChildOptions): Promise<Child> {
    const [command, args] = dyingWithParent(options.command, options.args);
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own: Ctrl-C in a terminal reaches the parent only, which then ends its children in order.
      detached: true,
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => reject(new Error(`${options.name} did not start: ${options.command}`, { cause })));
    });
    if (child.pid === undefined) throw new Error(`${options.name} has no process id`);
    return new Child(options.name, child, child.pid);
  }

  /** How it ended, or undefined while it runs. */
  get exit(): ChildExit | undefined {
    return this.#exit;
  }

  /** The last lines of both outputs, in the order in which they arrived. */
  logs(): readonly string[] {
    return [...this.#lines];
  }

  /** Resolves with the first line, past or future, that matches. */
  waitForLog(pattern: RegExp, timeoutMs = 10_000): Promise<string> {
    return waitUntil(() => this.#lines.find((line) => pattern.test(line)), {
      what: `a line like ${pattern} from ${this.name}`,
      timeoutMs,
    });
  }

  /** Sends a signal; nothing happens when the program has ended. */
  kill(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#process.kill(signal);
  }

  /** Asks the program to end, insists after `graceMs`, and waits until it is gone. */
  async close(graceMs = 5_000): Promise<ChildExit> {
    this.kill("SIGTERM");
    const insist = setTimeout(() => this.kill("SIGKILL"), graceMs);
    const exit = await this.exited;
    clearTimeout(insist);
    return exit;
  }

  /** An error that quotes the last lines. */
  failure(message: string, cause?: unknown): Error {
    const end = this.#exit === undefined ? "still running" : `ended with ${this.#exit.signal ?? this.#exit.code}`;
    const quoted = this.#lines.slice(-LINES_QUOTED).map((line) => `  | ${line.slice(0, 400)}`);
    return new Error([`${this.name} ${message} (${end}); its last lines:`, ...quoted].join("\n"), {
      cause,
    });
  }

  #keepLines(stream: Readable): void {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(0, LINE_CHARS_MAX);
      for (const line of lines) this.#lines.push(line.slice(0, LINE_CHARS_MAX));
      if (this.#lines.length > LINES_MAX) this.#lines.splice(0, this.#lines.length - LINES_MAX);
    });
    stream.on("end", () => {
      if (rest !== "") this.#lines.push(rest);
    });
  }
}

/** The children of this program; a set of the program itself, because its exit is noticed once for all of them. */
const running = new Set<Child>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** `setpriv` replaces itself by the program, so the process id stays the child's own. */
function dyingWithParent(command: string, args: readonly string[]): readonly [string, readonly string[]] {
  return hasSetpriv() ? ["setpriv", ["--pdeathsig", "KILL", "--", command, ...args]] : [command, args];
}

let setprivFound: boolean | undefined;
function hasSetpriv(): boolean {
  setprivFound ??= spawnSync("setpriv", ["--pdeathsig", "KILL", "--", "true"], { stdio: "ignore" }).status === 0;
  return setprivFound;
}
