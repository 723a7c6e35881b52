/**
 * Whether the comparison compares the same: the Go code's own tests, and resources that mean the same on both sides.
 */
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { testGoTools } from "./go-tools.ts";
import type { GoTools } from "./go-tools.ts";
import { clusterBytes, endpointsBytes } from "./prepared-content.ts";
import { measureCell } from "./cell.ts";
import { cellCases } from "./cell.ts";
import { Session } from "./session.ts";

/** Throws when something is wrong. */
export async function selfTest(tools: GoTools, say: (text: string) => void): Promise<void> {
  say("go vet and go test");
  testGoTools();
  say("both sides serve the same");
  {
    await using session = await Session.open({ peer: "go-control-plane", tools, variant: "delta", clusters: 1 });
    // The index and turn that the peer compares with.
    const ours = [
      [typeUrls.cluster, clusterBytes("cluster-00007", 3)],
      [typeUrls.endpoints, endpointsBytes(7, 3)],
    ] as const;
    for (const [type, bytes] of ours) {
      if (!(await session.compare(type, bytes))) throw new Error(`the two sides serve different content of ${type}`);
    }
  }
  for (const variant of ["delta", "sotw"] as const) {
    say(`every case once, ${variant}`);
    const cell = { streams: 3, clusters: 5, variant, cases: cellCases, changes: 1 };
    for (const peer of ["fairway", "go-control-plane", "go-control-plane-linear"] as const) {
      await measureCell(cell, { peer, tools }, say);
    }
  }
}
