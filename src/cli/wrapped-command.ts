/**
 * A program that is run in our place: it has our input and output, and we end as it ends.
 *
 * It has a process group of its own, so that Ctrl-C in a terminal reaches us alone and it is drained before it ends.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";

/** As shells have it: the command was not found, or cannot be run. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;

/** Signals that mean something to programs and nothing to us. */
const passedOn = ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const;

export class WrappedCommand {
  /** Resolves, to the exit code, when it has ended. */
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;

  constructor([command = "", ...args]: readonly string[]) {
    this.#child = spawn(command, args, { stdio: "inherit", detached: true });
    const passOn = (signal: NodeJS.Signals): void => void this.#child.kill(signal);
    for (const signal of passedOn) process.on(signal, passOn);
    this.ended = new Promise<number>((resolve) => {
      this.#child.once("error", (cause: NodeJS.ErrnoException) => {
        process.stderr.write(`fairway: ${command} cannot be run: ${cause.message}\n`);
        resolve(cause.code === "ENOENT" ? NOT_FOUND : NOT_RUNNABLE);
      });
      this.#child.once("exit", (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      );
    }).finally(() => {
      for (const signal of passedOn) process.off(signal, passOn);
    });
  }

  /** Asks it to end, and insists after a while. */
  async stop(timeoutMs: number): Promise<number> {
    this.#child.kill("SIGTERM");
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs);
    const code = await this.ended;
    clearTimeout(insist);
    return code;
  }
}
