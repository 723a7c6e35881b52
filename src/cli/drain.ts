/**
 * `fairway drain` and `fairway undrain`: an instance that is registered gets no new requests, or gets them again.
 *
 * Its key is changed by comparing, under the lease that it has, so that nobody's update is lost and the instance goes
 * with whoever keeps it.
 */
import { Command } from "commander";
import { compareAges, registryEntry } from "../config/registry-change.ts";
import { EtcdError } from "../etcd/etcd-error.ts";
import type { Condition, Entry, EtcdPort } from "../etcd/etcd-port.ts";
import { systemClock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { awaitReplicas, describeAwaited, describeUnnamed } from "./await-replicas.ts";
import type { EtcdFlags } from "./etcd-options.ts";
import { addEtcdOptions, withEtcd } from "./etcd-options.ts";
import { addressIn, withDraining } from "./instance-draining.ts";
import type { InstanceFlags } from "./instance-options.ts";
import { addServiceOptions, readFlagMs, readPrefix } from "./instance-options.ts";
import type { OtherInstances } from "./last-instances.ts";
import { drainWarning, notInForce, otherInstances, succeeds } from "./last-instances.ts";
import { exitCodes, print, tell } from "./output.ts";

interface DrainFlags extends InstanceFlags, EtcdFlags {
  readonly last?: boolean;
  readonly wait?: boolean;
  readonly timeout: string;
}

/** Each try lost to somebody else's write; more than this is somebody who never stops. */
const TRIES_MAX = 20;

/** The subcommand: exit code 2 when there is no such instance, 3 when it is the last, 5 when `--wait` was in vain. */
export function drainCommand(): Command {
  return drainingCommand("drain", "an instance in etcd gets no new requests; its connections stay", true).option(
    "--last",
    "also when no other instance of the service takes requests",
  );
}

/** The subcommand that takes it back. */
export function undrainCommand(): Command {
  return drainingCommand("undrain", "an instance in etcd that was drained gets requests again", false);
}

function drainingCommand(name: string, description: string, draining: boolean): Command {
  const command = addServiceOptions(new Command(name).description(description))
    .option("--id <id>", "the instance: the last part of its key")
    .option("--address <ip:port>", "the instance, by its address")
    .option("--wait", "until all Envoys have it")
    .option("--timeout <duration>", "for --wait", "30s");
  return addEtcdOptions(command).action((flags: DrainFlags, self: Command) => change(flags, self, draining));
}

async function change(flags: DrainFlags, command: Command, draining: boolean): Promise<void> {
  const prefix = readPrefix(flags);
  const timeoutMs = readFlagMs("--timeout", flags.timeout);
  const problems = [prefix, timeoutMs].flatMap((read) => (read.ok ? [] : [read.error]));
  if ((flags.id === undefined) === (flags.address === undefined)) problems.push("write either --id or --address");
  if (!prefix.ok || !timeoutMs.ok || problems.length > 0) {
    return command.error(problems.map((problem) => `error: ${problem}`).join("\n"), { exitCode: exitCodes.usage });
  }
  await withEtcd(flags, command, async (etcd) => {
    const startedMs = systemClock.monotonicMs();
    const changed = await setDraining(etcd, { prefix: prefix.value, ...flags }, draining);
    if (!changed.ok) {
      tell(`fairway: ${changed.error.message}`);
      process.exitCode = changed.error.exitCode;
      return;
    }
    const { key, revision } = changed.value;
    const word = draining ? "drains" : "gets requests";
    if (flags.wait !== true) {
      print(`${key} ${word}, revision ${revision}`);
      const unnamed = await describeUnnamed(etcd, prefix.value);
      if (unnamed !== undefined) tell(`fairway: ${unnamed}`);
      return;
    }
    const leftMs = Math.max(timeoutMs.value - (systemClock.monotonicMs() - startedMs), 0);
    const awaited = await awaitReplicas(etcd, { key, prefix: prefix.value, revision, timeoutMs: leftMs });
    print(`${key} ${word}, revision ${revision}: ${describeAwaited(awaited)}`);
    if (awaited.isUnknown || awaited.behind.length > 0) process.exitCode = exitCodes.timeout;
  });
}

interface Wanted {
  readonly prefix: string;
  /** It is meant, although nobody else takes requests. */
  readonly last?: boolean;
  readonly id?: string;
  readonly address?: string;
}

/** Returns the key with the revision at which it became what is wanted; it may have been before. */
async function setDraining(
  etcd: EtcdPort,
  wanted: Wanted,
  draining: boolean,
): Promise<Result<{ readonly key: string; readonly revision: number }, NotDrained>> {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const entry = await find(etcd, wanted);
    if (entry === undefined) {
      const who = wanted.id ?? `with the address ${wanted.address}`;
      return err(wrong(`there is no instance ${who} below ${wanted.prefix}`));
    }
    const { key, modRevision, leaseId } = entry;
    const before = textOf(entry);
    const after = withDraining(before, draining);
    if (!after.ok) return err(wrong(`${key}: ${after.error}`));
    const found = await otherInstances(etcd, { prefix: wanted.prefix, key });
    if (found.refused !== undefined) {
      return err(wrong(`${key} is not in force: ${found.refused}; nothing was written`));
    }
    if (found.inForce !== undefined) {
      const id = found.inForce.slice(wanted.prefix.length);
      return err(wrong(`${notInForce(key, found.inForce)}; nothing was written, say --id ${id}`));
    }
    if (after.value === before) return ok({ key, revision: modRevision });
    const others = draining ? judge(found, key, wanted) : { conditions: [], warnings: [] };
    if (others.refusal !== undefined) return err({ message: others.refusal, exitCode: exitCodes.refused });
    const lease = leaseId === undefined ? {} : { leaseId };
    const written = await etcd
      .transact(
        [{ kind: "revision", key, modRevision }, ...others.conditions],
        [{ kind: "put", key, value: Buffer.from(after.value), ...lease }],
      )
      .catch((cause: unknown) => {
        // Its lease has ended since it was read; it is looked for again.
        if (cause instanceof EtcdError && cause.kind === "refused") return undefined;
        throw cause;
      });
    if (written?.ok !== true) continue;
    for (const warning of others.warnings) tell(`fairway: ${warning}`);
    return ok({ key, revision: written.revision });
  }
  return err(wrong(`somebody else wrote an instance below ${wanted.prefix} ${TRIES_MAX} times meanwhile`));
}

interface NotDrained {
  readonly message: string;
  readonly exitCode: number;
}

function wrong(message: string): NotDrained {
  return { message, exitCode: exitCodes.usage };
}

/** Whether the others are enough, and what must still be so when this one is written: two may drain at the same time. */
function judge(
  others: OtherInstances,
  key: string,
  { prefix, last }: Wanted,
): { readonly conditions: readonly Condition[]; readonly warnings: readonly string[]; readonly refusal?: string } {
  const { successor, revision, readyCount } = others;
  const warning = drainWarning(key, others);
  const warnings = [warning, successor && succeeds(key, successor)].filter((each) => each !== undefined);
  if (last === true) return { conditions: [], warnings };
  if (readyCount === 0) return { conditions: [], warnings, refusal: `${warning}; say --last if that is meant` };
  return { conditions: [{ kind: "unchanged", prefix, sinceRevision: revision }], warnings };
}

async function find(etcd: EtcdPort, { prefix, id, address }: Wanted): Promise<Entry | undefined> {
  const { entries } = await etcd.list(id === undefined ? prefix : `${prefix}${id}`);
  if (id !== undefined) return entries.find(({ key }) => key === `${prefix}${id}`);
  const here = entries.filter((entry) => addressIn(textOf(entry)) === address);
  // Of several the one that Envoys have.
  return here.toSorted((left, right) => compareAges(registryEntry(left), registryEntry(right)))[0];
}

function textOf({ value }: Entry): string {
  return Buffer.from(value).toString("utf8");
}
