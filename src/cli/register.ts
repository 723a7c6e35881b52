/**
 * `fairway register`: runs a service and has it in etcd for as long as it answers.
 */
import { Command } from "commander";
import { readInstance } from "../model/read-instance.ts";
import { parseAddress } from "../model/address.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { EtcdFlags } from "./etcd-options.ts";
import { addEtcdOptions, withEtcd } from "./etcd-options.ts";
import type { InstanceFlags } from "./instance-options.ts";
import { addServiceOptions, readFlagMs, readId, readPrefix } from "./instance-options.ts";
import { exitCodes } from "./output.ts";
import type { RegistrationOptions } from "./registration.ts";
import { Registration } from "./registration.ts";
import { WrappedCommand } from "./wrapped-command.ts";

interface RegisterFlags extends InstanceFlags, EtcdFlags {
  readonly address: string;
  readonly label?: readonly string[];
  readonly locality?: string;
  readonly weight?: string;
  readonly ttl: string;
  readonly healthPath?: string;
  readonly healthTcp?: boolean;
  readonly healthInterval: string;
  readonly drainTimeout: string;
  readonly stopTimeout: string;
}

/** A call to a member of etcd that hangs takes this long; a shorter lease would end meanwhile. */
const TTL_MS_MIN = 5_000;
const HEALTH_MS_MIN = 100;

/** The subcommand: it ends with the exit code of the command. */
export function registerCommand(): Command {
  const command = addServiceOptions(
    new Command("register").description("run a service and keep it registered in etcd while it answers"),
  )
    .argument("[command...]", "the service, behind --; without one only the registration is kept")
    .requiredOption("--address <ip:port>", "where the service answers")
    .option("--id <id>", "of the instance; its address when absent")
    .option("--label <key=value...>", "labels, which decide what subsets it is in")
    .option("--locality <region/zone/subZone>", "where it is")
    .option("--weight <n>", "its share in its locality")
    .option("--ttl <duration>", "a machine that dies is out after this long", "10s")
    .option("--health-path <path>", "it is well when this answers with 200 to 399")
    .option("--health-tcp", "it is well when it takes connections, which is what holds anyway")
    .option("--health-interval <duration>", "how often that is asked; three failures take it out", "2s")
    .option("--drain-timeout <duration>", "how long Envoys may take to know of its end", "30s")
    .option("--stop-timeout <duration>", "how long the command may take to end, then it is killed", "30s");
  return addEtcdOptions(command).action(register);
}

async function register(words: readonly string[], flags: RegisterFlags, command: Command): Promise<void> {
  const read = readRegistration(flags);
  if (!read.ok) {
    return command.error(read.error.map((problem) => `error: ${problem}`).join("\n"), { exitCode: exitCodes.usage });
  }
  const { drainMs, stopMs, ...registration } = read.value;
  await withEtcd(flags, command, async (etcd) => {
    const stops = takeStops();
    const wrapped = words.length === 0 ? undefined : new WrappedCommand(words);
    const endings = wrapped === undefined ? [] : [wrapped.ended];
    const registered = new Registration({ etcd, ...registration });
    const code = await Promise.race([stops.first, ...endings]);
    if (code === undefined) {
      const over = new AbortController();
      await Promise.race([registered.drain(drainMs, AbortSignal.any([stops.second, over.signal])), ...endings]);
      over.abort();
    }
    await registered.close();
    process.exitCode = code ?? (await wrapped?.stop(stopMs)) ?? exitCodes.ok;
  });
}

type Read = Omit<RegistrationOptions, "etcd"> & { readonly drainMs: number; readonly stopMs: number };

function readRegistration(flags: RegisterFlags): Result<Read, readonly string[]> {
  const prefix = readPrefix(flags);
  const id = readId(flags);
  const ttl = readFlagMs("--ttl", flags.ttl, TTL_MS_MIN);
  const interval = readFlagMs("--health-interval", flags.healthInterval, HEALTH_MS_MIN);
  const drain = readFlagMs("--drain-timeout", flags.drainTimeout);
  const stop = readFlagMs("--stop-timeout", flags.stopTimeout);
  const address = parseAddress(flags.address);
  const problems = [prefix, id, ttl, interval, drain, stop].flatMap((each) => (each.ok ? [] : [each.error]));
  if (!address.ok) {
    // The way out that a config file has for names is none here.
    const hint = address.error.hint.includes("discovery") ? "write the IP address that it has" : address.error.hint;
    problems.push(`--address: ${address.error.message}; ${hint}`);
  }
  const labels = readLabels(flags.label ?? [], problems);
  const { healthPath: path, healthTcp } = flags;
  if (path !== undefined && healthTcp === true) problems.push("write either --health-path or --health-tcp");
  if (path?.startsWith("/") === false) problems.push(`--health-path "${path}" does not begin with a slash`);
  const usable = prefix.ok && id.ok && ttl.ok && interval.ok && drain.ok && stop.ok && address.ok;
  if (!usable || problems.length > 0) return err(problems);
  const value = JSON.stringify({
    address: flags.address,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(flags.locality === undefined ? {} : { locality: flags.locality }),
    ...(flags.weight === undefined ? {} : { weight: Number(flags.weight) }),
  });
  const key = `${prefix.value}${id.value}`;
  const instance = readInstance({ key, value: Buffer.from(value), revision: 0 }, prefix.value);
  if (!instance.ok) return err([instance.error.message]);
  const health = { ...address.value, path, intervalMs: interval.value };
  const ttlSeconds = Math.ceil(ttl.value / 1_000);
  return ok({ key, prefix: prefix.value, value, ttlSeconds, health, drainMs: drain.value, stopMs: stop.value });
}

function readLabels(texts: readonly string[], problems: string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) problems.push(`--label "${text}": write key=value`);
    else labels[text.slice(0, at)] = text.slice(at + 1);
  }
  return labels;
}

/** SIGTERM and SIGINT: the first begins the end, the second cuts the drain short. */
function takeStops(): { readonly first: Promise<undefined>; readonly second: AbortSignal } {
  const { promise: first, resolve } = Promise.withResolvers<undefined>();
  const second = new AbortController();
  let count = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      count += 1;
      if (count === 1) resolve(undefined);
      else second.abort();
    });
  }
  return { first, second: second.signal };
}
