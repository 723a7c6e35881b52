/**
 * The commands, one file each, put together and run; main.ts imports this once the Node is known to be new enough.
 *
 * Only the file of the command that is asked for is loaded: a job in CI starts this many times.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { FairwayError } from "../support/fairway-error.ts";
import { exitCodes, tell } from "./output.ts";

/** In the order of the help. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import("./serve.ts")).serveCommand(),
  check: async () => (await import("./check.ts")).checkCommand(),
  plan: async () => (await import("./plan.ts")).planCommand(),
  explain: async () => (await import("./explain.ts")).explainCommand(),
  render: async () => (await import("./render.ts")).renderCommand(),
  schema: async () => (await import("./schema.ts")).schemaCommand(),
  bootstrap: async () => (await import("./bootstrap.ts")).bootstrapCommand(),
  split: async () => (await import("./split.ts")).splitCommand(),
  rollout: async () => (await import("./rollout.ts")).rolloutCommand(),
  confirm: async () => (await import("./confirm.ts")).confirmCommand(),
  push: async () => (await import("./push.ts")).pushCommand(),
  pull: async () => (await import("./pull.ts")).pullCommand(),
  "put-secret": async () => (await import("./put-secret.ts")).putSecretCommand(),
  register: async () => (await import("./register.ts")).registerCommand(),
  drain: async () => (await import("./drain.ts")).drainCommand(),
  undrain: async () => (await import("./drain.ts")).undrainCommand(),
};

const program = new Command("fairway")
  .description("An Envoy control plane: watched files in, versioned snapshots out, no request lost.")
  .version(packageVersion())
  .showHelpAfterError("(--help lists what there is)");
endWithUsageCode(program);

// Whoever reads us has seen enough, as `| head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.ok);
});

try {
  const words = process.argv.slice(2);
  for (const command of await commandsFor(words)) program.addCommand(endWithUsageCode(command));
  refuseOtherName(words);
  await program.parseAsync(askedForHelp(words), { from: "user" });
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** The command that the first word names, so that it starts without the code of all others; all of them for anything else. */
function commandsFor([first = ""]: readonly string[]): Promise<readonly Command[]> {
  const names = Object.hasOwn(commands, first) ? [first] : Object.keys(commands);
  return Promise.all(names.flatMap((name) => commands[name]?.() ?? []));
}

/** What others call a command, which is too far from its own name for commander to suggest it. */
function refuseOtherName([first = ""]: readonly string[]): void {
  const meant: Readonly<Record<string, string>> = { lint: "check", validate: "check" };
  if (!Object.hasOwn(meant, first)) return;
  program.error(`error: unknown command '${first}'\n(Did you mean ${meant[first]}?)`, { exitCode: exitCodes.usage });
}

/** Commander's own `help` knows the first word only: `help split set` would be the help of `split`. */
function askedForHelp(words: readonly string[]): readonly string[] {
  const [first, ...command] = words;
  const areWords = command.length > 1 && command.every((word) => !word.startsWith("-"));
  return first === "help" && areWords ? [...command, "--help"] : words;
}

/** Makes commander throw instead of ending the process, so that the exit code is ours. */
function endWithUsageCode(command: Command): Command {
  return command.exitOverride();
}

function exitCodeOf(error: unknown): number {
  // Commander has printed its message already; --help and --version end with code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof FairwayError) {
    tell(`fairway: ${error.message}`);
    return exitCodes.internal;
  }
  tell(`fairway: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return exitCodes.internal;
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
