/**
 * The commands, one file each, put together and run; main.ts imports this once the Node is known to be new enough.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { FairwayError } from "../support/fairway-error.ts";
import { bootstrapCommand } from "./bootstrap.ts";
import { checkCommand } from "./check.ts";
import { confirmCommand } from "./confirm.ts";
import { drainCommand, undrainCommand } from "./drain.ts";
import { explainCommand } from "./explain.ts";
import { exitCodes, tell } from "./output.ts";
import { planCommand } from "./plan.ts";
import { pullCommand } from "./pull.ts";
import { pushCommand } from "./push.ts";
import { putSecretCommand } from "./put-secret.ts";
import { registerCommand } from "./register.ts";
import { renderCommand } from "./render.ts";
import { rolloutCommand } from "./rollout.ts";
import { schemaCommand } from "./schema.ts";
import { serveCommand } from "./serve.ts";
import { splitCommand } from "./split.ts";

const program = new Command("fairway")
  .description("An Envoy control plane: watched files in, versioned snapshots out, no request lost.")
  .version(packageVersion())
  .showHelpAfterError("(--help lists what there is)");
const commands = [
  serveCommand(),
  checkCommand(),
  planCommand(),
  explainCommand(),
  renderCommand(),
  schemaCommand(),
  bootstrapCommand(),
  splitCommand(),
  rolloutCommand(),
  confirmCommand(),
  pushCommand(),
  pullCommand(),
  putSecretCommand(),
  registerCommand(),
  drainCommand(),
  undrainCommand(),
];
for (const command of commands) {
  program.addCommand(endWithUsageCode(command));
}
endWithUsageCode(program);

// Whoever reads us has seen enough, as `| head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.ok);
});

try {
  const words = process.argv.slice(2);
  refuseOtherName(words);
  await program.parseAsync(askedForHelp(words), { from: "user" });
} catch (error) {
  process.exitCode = exitCodeOf(error);
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
