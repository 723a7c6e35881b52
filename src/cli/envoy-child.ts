/**
 * An Envoy binary that is run for a moment and never left behind.
 */
import { execFile, spawn } from "node:child_process";
import { FairwayError } from "../support/fairway-error.ts";

/** Its last words are enough to see why it ended. */
const OUTPUT_CHARS_MAX = 4_000;
/** Printing a version takes a fraction of this. */
const VERSION_MS_MAX = 10_000;
/** Signals that end this program; the Envoy ends first. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A running Envoy. */
export interface EnvoyChild extends AsyncDisposable {
  /** Resolves, to its last words, when it has ended by itself. */
  readonly ended: Promise<string>;
}

/** The version that the binary gives, such as `1.40.0`. */
export async function envoyVersion(path: string): Promise<string> {
  const output = await new Promise<string>((resolve, reject) => {
    execFile(path, ["--version"], { timeout: VERSION_MS_MAX }, (cause, stdout) => {
      if (cause === null) resolve(stdout);
      else reject(new FairwayError("ENVOY_FAILED", `${path} cannot be run: ${reasonOf(cause)}`, { cause }));
    });
  });
  const version = /version: [^/]*\/([^/]+)\//.exec(output)?.[1];
  if (version === undefined) {
    throw new FairwayError(
      "ENVOY_FAILED",
      `${path} is no Envoy: asked for its version it says ${JSON.stringify(output.slice(0, 200))}`,
    );
  }
  return version;
}

/** Starts the binary in a directory; the Envoy is gone when this is disposed or when this program ends. */
export function startEnvoy(path: string, bootstrap: unknown, directory: string): EnvoyChild {
  const args = ["--config-yaml", JSON.stringify(bootstrap), "--disable-hot-restart"];
  const child = spawn(path, [...args, "--concurrency", "1", "--log-level", "error"], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => (output = (output + text).slice(-OUTPUT_CHARS_MAX)));
  }
  const kill = (): void => void child.kill("SIGKILL");
  const ended = new Promise<string>((resolve) => {
    child.once("error", (cause) => resolve(reasonOf(cause)));
    child.once("close", () => resolve(output.trim()));
  });
  // It has nothing to finish, so that it need not be asked.
  process.on("exit", kill);
  return {
    ended,
    async [Symbol.asyncDispose]() {
      kill();
      await ended;
      process.off("exit", kill);
    },
  };
}

/** Runs `clean` when a signal ends this program; gives the function that takes this back. */
export function onEndingSignal(clean: () => Promise<void>): () => void {
  const end = (signal: NodeJS.Signals): void => {
    // With the listeners gone the signal ends this program as it would have.
    void clean().finally(() => {
      take();
      process.kill(process.pid, signal);
    });
  };
  const take = (): void => signals.forEach((signal) => process.off(signal, end));
  for (const signal of signals) process.on(signal, end);
  return take;
}

function reasonOf(cause: Error): string {
  return cause.message.split("\n")[0] ?? cause.message;
}
