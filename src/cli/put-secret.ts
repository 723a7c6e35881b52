/**
 * `fairway put-secret`: files into keys of etcd that secrets name, all of them in one transaction.
 *
 * A certificate and its key that are put together come as one change, so that no replica ever sees half of a pair; and a
 * pair that does not belong together is refused here, before anybody serves it. Nothing of a file is printed.
 */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { SECRETS_PREFIX } from "../config/etcd-secret-keys.ts";
import { VALUE_BYTES_MAX } from "../config/etcd-secrets.ts";
import { examinePair } from "../model/examine-pem.ts";
import { scalarRules } from "../model/schema-scalars.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { EtcdFlags } from "./etcd-options.ts";
import { addEtcdOptions, withEtcd } from "./etcd-options.ts";
import { exitCodes, print } from "./output.ts";

/** A file for a key. */
interface Assignment {
  /** Behind the prefix, as `fromEtcd` says it. */
  readonly name: string;
  readonly file: string;
  readonly value: Buffer;
}

/** The subcommand: exit code 2 when a name or a pair is wrong; then nothing is written. */
export function putSecretCommand(): Command {
  const command = new Command("put-secret")
    .description("write files to the keys of etcd that secrets name with `fromEtcd`, all or nothing")
    .argument("<key=file...>", "such as shop/tls.crt=new.pem shop/tls.key=new.key; a pair belongs in one command");
  return addEtcdOptions(command).action(putSecret);
}

async function putSecret(args: readonly string[], flags: EtcdFlags, command: Command): Promise<void> {
  const assignments = args.map((arg) => read(arg, command));
  const problem = mistakeIn(assignments);
  if (problem !== undefined) return command.error(`error: ${problem}`, { exitCode: exitCodes.usage });
  await withEtcd(flags, command, async (etcd) => {
    const outcome = await etcd.transact(
      [],
      assignments.map(({ name, value }) => ({ kind: "put", key: `${SECRETS_PREFIX}${name}`, value })),
    );
    print(`revision ${outcome.revision}:`);
    for (const { name, file } of assignments) print(`  ${SECRETS_PREFIX}${name} has the content of ${file}`);
  });
}

function read(arg: string, command: Command): Assignment {
  const at = arg.indexOf("=");
  const [name, file] = [arg.slice(0, at), arg.slice(at + 1)];
  const { pattern, expected, hint } = scalarRules.secretKey;
  if (at < 1 || file === "") command.error(`error: write KEY=FILE instead of ${arg}`, { exitCode: exitCodes.usage });
  if (!pattern.test(name)) {
    command.error(`error: ${name} must be ${expected}; ${hint}`, { exitCode: exitCodes.usage });
  }
  try {
    return { name, file, value: readFileSync(file) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FairwayError("CONFIG_UNREADABLE", `${file} cannot be read (${why})`, { cause });
  }
}

/** Of several, the first. */
function mistakeIn(assignments: readonly Assignment[]): string | undefined {
  const names = new Set(assignments.map(({ name }) => name));
  if (names.size < assignments.length) return "a key is there twice; write each once";
  const bytes = assignments.reduce((sum, { value }) => sum + value.byteLength, 0);
  if (bytes > VALUE_BYTES_MAX) return `the files have ${bytes} bytes together; etcd takes ${VALUE_BYTES_MAX} at once`;
  const empty = assignments.find(({ value }) => value.byteLength === 0);
  if (empty !== undefined) return `${empty.file} is empty`;
  return mistakeInPair(assignments);
}

/** Where a certificate and a key are put together, they are a pair. */
function mistakeInPair(assignments: readonly Assignment[]): string | undefined {
  const withText = (text: string) => assignments.filter(({ value }) => value.includes(text));
  const [certificates, keys] = [withText("BEGIN CERTIFICATE"), withText("PRIVATE KEY-----")];
  const [certificate, privateKey] = [certificates[0], keys[0]];
  if (certificate === undefined || privateKey === undefined || certificates.length + keys.length > 2) return undefined;
  if (certificate === privateKey) return undefined;
  const { problems } = examinePair({
    certificate: certificate.value.toString("utf8"),
    privateKey: privateKey.value.toString("utf8"),
  });
  const [first] = problems.filter(({ severity }) => severity === "error");
  if (first === undefined) return undefined;
  return `${first.part === "certificate" ? certificate.file : privateKey.file} ${first.message}; ${first.hint}`;
}
