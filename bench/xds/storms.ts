/**
 * Two cases of one server alone: a fleet that comes back at once over TLS, and clients that never read.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rowOf } from "./cell.ts";
import type { XdsRow } from "./cell.ts";
import type { GoTools } from "./go-tools.ts";
import { Session } from "./session.ts";
import type { Changed, Peer } from "./session.ts";

/** What both are measured with. */
export interface StormOptions {
  readonly peer: Peer;
  readonly tools: GoTools;
  readonly profileDir: string | undefined;
  readonly changes: number;
}

/** A first sync of so many clusters has about a megabyte. */
const TLS_STREAMS = 1_000;
const TLS_CLUSTERS = 2_000;

const HEALTHY_STREAMS = 300;
const NEVER_READING_STREAMS = 50;
const BESIDE_CLUSTERS = 1_000;

/** To change everything is slow. */
const ALL_CHANGES_MAX = 2;

/** The first connections find code that is not compiled; the fleet that comes back is what is measured. */
export async function measureTls(options: StormOptions): Promise<readonly XdsRow[]> {
  const directory = mkdtempSync(join(tmpdir(), "fairway-bench-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  // Also when the benchmark is interrupted.
  process.on("exit", remove);
  try {
    const { status } = spawnSync(options.tools.clientPath, ["-certificate", directory], { stdio: "inherit" });
    if (status !== 0) throw new Error("the load client could not make a certificate");
    const cell = { streams: TLS_STREAMS, clusters: TLS_CLUSTERS, variant: "delta" } as const;
    await using session = await Session.open({ ...options, ...cell, tlsDir: directory });
    await session.connect(1);
    await session.disconnect();
    const empty = await session.memory();
    const first = await session.connect(TLS_STREAMS);
    const synced = await session.memory();
    const rssPerStreamKib = ((synced.nowMib - empty.nowMib) * 1_024) / TLS_STREAMS;
    const again = await session.connect(TLS_STREAMS);
    const of = { name: "tls", server: options.peer };
    return [rowOf(cell, of, [first], { rssPerStreamKib }), rowOf(cell, { ...of, name: "tls-again" }, [again])];
  } finally {
    process.off("exit", remove);
    remove();
  }
}

/** The change of all endpoint lists, for healthy clients alone and beside those that never read. */
export async function measureNeverRead(options: StormOptions): Promise<readonly XdsRow[]> {
  const cell = { streams: HEALTHY_STREAMS, clusters: BESIDE_CLUSTERS, variant: "delta" } as const;
  await using session = await Session.open({ ...options, ...cell });
  const rows: XdsRow[] = [];
  for (const neverRead of [0, NEVER_READING_STREAMS]) {
    await session.connect(HEALTHY_STREAMS, neverRead);
    for (const what of ["endpoints", "all-endpoints"] as const) {
      const measured: Changed[] = [];
      const most = what === "all-endpoints" ? Math.min(options.changes, ALL_CHANGES_MAX) : options.changes;
      while (measured.length < most) measured.push(await session.change(what));
      const name = neverRead === 0 ? `${what}-alone` : `${what}-beside-never-read`;
      rows.push(rowOf(cell, { name, server: options.peer }, measured));
    }
  }
  return rows;
}
