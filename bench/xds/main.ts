/**
 * Fairway and go-control-plane before the same load client: what a change costs each, in one table.
 *
 *     npm run bench:xds                          about a quarter of an hour
 *     npm run bench:xds -- --quick               two minutes
 *     npm run bench:xds -- --streams 1000 --clusters 1000 --cases endpoints
 *
 * It needs Go. Whatever ends it, it leaves no program and no file behind but what it has built in `.cache/`.
 */
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { resolve as resolvePath } from "node:path";
import { describeMachine, machine } from "../machine.ts";
import { measureCell } from "./cell.ts";
import type { XdsRow } from "./cell.ts";
import { buildGoTools } from "./go-tools.ts";
import type { GoTools } from "./go-tools.ts";
import { USAGE, readXdsOptions } from "./options.ts";
import type { XdsOptions } from "./options.ts";
import { selfTest } from "./self-test.ts";
import { measureNeverRead, measureTls } from "./storms.ts";
import { compareRows, xdsTable } from "./xds-table.ts";

/** Open files of a program beside its streams. */
const SOCKETS_BESIDE = 200;

process.exit(Math.max(await main(), Number(process.exitCode ?? 0)));

async function main(): Promise<number> {
  const options = readXdsOptions(process.argv.slice(2));
  if (typeof options === "string") {
    say(`bench:xds: ${options}`);
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    const about = machine();
    requireSockets(options);
    const tools = buildGoTools(say);
    const finished = await Promise.race([run(options, tools), untilInterrupted()]);
    if (typeof finished === "number") return finished;
    if (options.selfTest) return 0;
    const rows = compareRows(finished);
    const peer = { go: tools.go, ...tools.modules };
    process.stdout.write(
      options.output === "json"
        ? `${JSON.stringify({ bench: "xds", machine: about, peer, rows }, null, 2)}\n`
        : `${describeMachine(about)}; ${tools.go}, go-control-plane ${peer.goControlPlane}, grpc-go ${peer.grpcGo}\n\n${xdsTable(rows)}`,
    );
    return 0;
  } catch (error) {
    say(`bench:xds: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

async function run(options: XdsOptions, tools: GoTools): Promise<readonly XdsRow[]> {
  if (options.selfTest) {
    await selfTest(tools, say);
    return [];
  }
  const profileDir = options.profileDir === undefined ? undefined : resolvePath(options.profileDir);
  const rows: XdsRow[] = [];
  const attempt = async (what: string, measure: () => Promise<readonly XdsRow[]>): Promise<void> => {
    say(what);
    try {
      rows.push(...(await measure()));
    } catch (error) {
      // What was measured so far is worth showing, and the other cells are, too.
      say(`bench:xds: ${what} failed: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  };
  for (const cell of options.cells) {
    const size = `${cell.variant}, ${cell.streams} streams, ${cell.clusters} clusters`;
    for (const peer of cell.peers) {
      await attempt(`${size}: ${peer}`, () => measureCell(cell, { peer, tools, profileDir }, say));
    }
  }
  for (const storm of options.storms) {
    const measure = storm === "tls" ? measureTls : measureNeverRead;
    for (const peer of options.peers.filter((each) => each !== "go-control-plane-linear")) {
      await attempt(`${storm}: ${peer}`, () => measure({ peer, tools, profileDir, changes: options.changes }));
    }
  }
  return rows;
}

/** Every stream needs a socket in the server and one in the load client; both raise their limit as far as they may. */
function requireSockets(options: XdsOptions): void {
  const most = Math.max(...options.cells.map(({ streams }) => streams), options.storms.length > 0 ? 1_000 : 0);
  const needed = most + SOCKETS_BESIDE;
  const limit = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  if (limit === undefined || limit === "unlimited" || Number(limit) >= needed) return;
  throw new Error(
    `${most} streams need ${needed} open files in each program, and the hard limit is ${limit}: raise it (ulimit -Hn ${needed}) or choose smaller fleets with --streams`,
  );
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The exit code that belongs to the first signal; the programs end with this one. A second one, as npm passes on, must not end it in between. */
function untilInterrupted(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => resolve(128 + constants.signals[signal]));
    }
  });
}
