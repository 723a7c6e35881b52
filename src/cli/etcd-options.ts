/**
 * Where etcd is and how to get in: the options that `serve` and the commands on etcd have in common.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { createSecureContext } from "node:tls";
import type { Command } from "commander";
import { Option } from "commander";
import { EtcdClient } from "../etcd/etcd-client.ts";
import { EtcdError } from "../etcd/etcd-error.ts";
import type { EtcdOptions } from "../etcd/etcd-members.ts";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { EtcdTls } from "../etcd/tls-trouble.ts";
import { SchemaGuard } from "../store/schema-guard.ts";
import { systemClock } from "../support/clock.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { exitCodes } from "./output.ts";

/** As commander gives them. */
export interface EtcdFlags {
  readonly etcd?: string;
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
  readonly etcdUser?: string;
}

/** A password on the command line would be seen by everybody on the machine. */
const PASSWORD_VARIABLE = "FAIRWAY_ETCD_PASSWORD";

/** A cluster has three or five; more are a mistake. */
const ENDPOINTS_MAX = 20;

/** Adds the options. */
export function addEtcdOptions(command: Command): Command {
  const add = (flag: string, description: string, variable: string) =>
    command.addOption(new Option(flag, description).env(variable));
  add("--etcd <urls>", "the members of an etcd cluster: http://host:2379, or several with commas", "FAIRWAY_ETCD");
  add("--etcd-ca <file>", "who signs etcd's certificates, PEM; for https", "FAIRWAY_ETCD_CA");
  add("--etcd-cert <file>", "the certificate to show to etcd, PEM", "FAIRWAY_ETCD_CERT");
  add("--etcd-key <file>", "the key of the certificate", "FAIRWAY_ETCD_KEY");
  add("--etcd-user <name>", `who asks; the password is in ${PASSWORD_VARIABLE}`, "FAIRWAY_ETCD_USER");
  return command;
}

/** What was said about etcd, undefined when nothing was, or a sentence for each mistake. */
export function readEtcdOptions(
  flags: EtcdFlags,
  environment: NodeJS.ProcessEnv = process.env,
): Result<EtcdOptions | undefined, readonly string[]> {
  const { etcd, etcdCa, etcdCert, etcdKey, etcdUser } = flags;
  const problems: string[] = [];
  if (etcd === undefined) {
    for (const [flag, value] of Object.entries({ etcdCa, etcdCert, etcdKey, etcdUser })) {
      if (value !== undefined) problems.push(`${flagOf(flag)} needs --etcd`);
    }
    return problems.length > 0 ? err(problems) : ok(undefined);
  }
  const members = etcd.split(",").map((text) => readEndpoint(text.trim(), problems));
  if (members.length > ENDPOINTS_MAX) problems.push(`--etcd names ${members.length} members; at most ${ENDPOINTS_MAX}`);
  const isSecure = members.some((member) => member?.secure === true);
  if (isSecure && members.some((member) => member?.secure === false)) {
    problems.push("--etcd names members with https and with http; write the same for all");
  }
  if (!isSecure && (etcdCa ?? etcdCert ?? etcdKey) !== undefined) {
    problems.push("--etcd-ca, --etcd-cert and --etcd-key are for https://; --etcd says http");
  }
  if ((etcdCert === undefined) !== (etcdKey === undefined)) problems.push("--etcd-cert and --etcd-key belong together");
  const password = environment[PASSWORD_VARIABLE];
  if (etcdUser !== undefined && password === undefined) problems.push(`--etcd-user needs ${PASSWORD_VARIABLE}`);
  if (problems.length > 0) return err(problems);
  return ok({
    endpoints: members.flatMap((member) => (member === undefined ? [] : [member.address])),
    clock: systemClock,
    ...(isSecure ? followTls(flags) : {}),
    ...(etcdUser === undefined || password === undefined ? {} : { user: { name: etcdUser, password } }),
  });
}

/** Runs a command on etcd; without `--etcd` it ends with a usage error. */
export async function withEtcd(
  flags: EtcdFlags,
  command: Command,
  work: (etcd: EtcdPort) => Promise<void>,
): Promise<void> {
  const options = readEtcdOptions(flags);
  if (!options.ok || options.value === undefined) {
    const problems = options.ok ? ["say where etcd is: --etcd http://host:2379, or FAIRWAY_ETCD"] : options.error;
    return command.error(problems.map((problem) => `error: ${problem}`).join("\n"), { exitCode: exitCodes.usage });
  }
  const by = `fairway ${command.parent?.version() ?? ""} ${hostname()}`;
  const etcd = new SchemaGuard({ etcd: new EtcdClient(options.value), by });
  try {
    await work(etcd);
  } catch (cause) {
    if (cause instanceof EtcdError) throw new FairwayError("ETCD_FAILED", cause.message, { cause });
    throw cause;
  } finally {
    etcd.close();
  }
}

function readEndpoint(
  text: string,
  problems: string[],
): { readonly address: string; readonly secure: boolean } | undefined {
  const match = /^(?:(https?):\/\/)?((?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5}))\/?$/.exec(text);
  const [, scheme, address, port] = match ?? [];
  if (address === undefined || Number(port) < 1 || Number(port) > 65_535) {
    problems.push(
      `--etcd "${text}" is not the URL of a member; write http://10.0.0.1:2379 or https://etcd-1.internal:2379`,
    );
    return undefined;
  }
  return { address, secure: scheme === "https" };
}

/** The files as they are, and as they are later: read again whenever a connection fails, which is when it matters. */
function followTls(flags: EtcdFlags): Pick<EtcdOptions, "tls" | "renewedTls"> {
  const tls = readTls(flags);
  let textBefore = textOf(tls);
  return {
    tls,
    renewedTls: () => {
      try {
        const renewed = readTls(flags);
        if (textOf(renewed) === textBefore) return undefined;
        // A tool may have renewed the certificate and not yet its key.
        createSecureContext({ ca: renewed.ca, cert: renewed.certificate, key: renewed.key });
        textBefore = textOf(renewed);
        return renewed;
      } catch {
        return undefined;
      }
    },
  };
}

function textOf({ ca, certificate, key }: EtcdTls): string {
  return JSON.stringify([ca, certificate, key].map((bytes) => bytes?.toString()));
}

function readTls({ etcdCa, etcdCert, etcdKey }: EtcdFlags): EtcdTls {
  return {
    ...(etcdCa === undefined ? {} : { ca: read("--etcd-ca", etcdCa) }),
    ...(etcdCert === undefined ? {} : { certificate: read("--etcd-cert", etcdCert) }),
    ...(etcdKey === undefined ? {} : { key: read("--etcd-key", etcdKey) }),
  };
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairwayError("TLS_UNREADABLE", `${flag} ${path} cannot be read (${reason})`, { cause });
  }
}

function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
