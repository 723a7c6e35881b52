/**
 * Whether the simulation can fail: each mutant of the stream machine breaks one rule, and must be caught.
 *
 * A mutant is the real source with one text replaced, loaded from a copy. When the source changes so that
 * the text is no longer there, the test says so: then the rule has moved, and the mutant moves with it.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Machine } from "./simulate.ts";
import { simulate } from "./simulate.ts";

interface Mutant {
  readonly rule: string;
  /** A seed that noticed; when the simulation has changed since, another is looked for. */
  readonly seed: number;
  readonly file: string;
  readonly text: string;
  readonly becomes: string;
}

/** Seeds in which a mutant must be caught. */
const runsMax = 1_500;

const root = join(import.meta.dirname, "..", "..");
mkdirSync(join(root, ".cache"), { recursive: true });
const copies = mkdtempSync(join(root, ".cache", "mutants-"));
afterAll(() => rmSync(copies, { recursive: true, force: true }));

const mutants: readonly Mutant[] = [
  {
    rule: "endpoints follow their cluster",
    seed: 4,
    file: "stream.ts",
    text: "if (typeUrl === typeUrls.cluster) forceEndpoints(state, type, response);",
    becomes: "",
  },
  {
    rule: "what leaves stays until the routes have left it",
    seed: 1,
    file: "sequencer.ts",
    text: "for (const resource of moves ? [...gone, ...emptied] : gone) {",
    becomes: "for (const resource of []) {",
  },
  {
    rule: "routes wait for the ACK of their clusters",
    seed: 1,
    file: "sequencer.ts",
    text: 'progress.isResolved("supply") && !progress.missesSupply &&',
    becomes: "!progress.missesSupply &&",
  },
  {
    rule: "routes wait for a cure of rejected clusters",
    seed: 63,
    file: "sequencer.ts",
    text: "&& !progress.missesSupply &&",
    becomes: "&&",
  },
  {
    rule: "nothing goes while a rejected route keeps the old one in use",
    seed: 130,
    file: "sequencer.ts",
    text: "const settled = resolved && !progress.keepsOldReference &&",
    becomes: "const settled = resolved &&",
  },
  {
    rule: "clusters stay for a grace after the routes have left",
    seed: 5,
    file: "sequencer.ts",
    text: "Math.max(atMs + updates.graceMs, sequencer.drainsUntilMs)",
    becomes: "Math.max(atMs, sequencer.drainsUntilMs)",
  },
  {
    rule: "clusters stay while a replaced listener drains",
    seed: 484,
    file: "sequencer.ts",
    text: "if (sequencer.drains) sequencer.drainsUntilMs = atMs + Math.max(sequencer.drainMs, updates.drainMs);",
    becomes: "",
  },
  {
    rule: "endpoints are not emptied while routes still lead to them",
    seed: 1,
    file: "leaving.ts",
    text: "return resource !== undefined && resource.hostCount > 0 && successor.hostCount === 0;",
    becomes: "return false;",
  },
  {
    rule: "what a returning node holds leaves by the same rules",
    seed: 6,
    file: "sequencer.ts",
    text: "if (!leaves || retained.get(name)?.claimed === true) continue;",
    becomes: "if (leaves || !leaves) continue;",
  },
  {
    rule: "one unacknowledged response of a type",
    seed: 1,
    file: "stream.ts",
    text: "if (type.inFlight !== undefined) continue;",
    becomes: "",
  },
  {
    rule: "a nonce is used once",
    seed: 1,
    file: "shared-responses.ts",
    text: "sequence += 1;",
    becomes: "sequence = (sequence + 1) % 8;",
  },
  {
    rule: "rejected content is not sent again",
    seed: 7,
    file: "offer.ts",
    text: "if (rejection === undefined) return false;",
    becomes: "if (rejection !== undefined || rejection === undefined) return false;",
  },
  {
    rule: "what is gone is said to be gone",
    seed: 2,
    file: "compose-shared.ts",
    text: "const gone = subscription.wildcard ? removed : [];",
    becomes: "const gone: ResourceName[] = [];",
  },
  {
    rule: "a full state holds what did not change",
    seed: 1,
    file: "compose.ts",
    text: 'if (offer.kind === "resource") resources.push(offer.resource);\n    // Leaving',
    becomes:
      'if (offer.kind === "resource" && needed(type, offer.resource)) resources.push(offer.resource);\n    // Leaving',
  },
  {
    rule: "nothing is said to be deleted because it was rejected",
    seed: 949,
    file: "compose.ts",
    text: "if (resources.length === 0 && (wildcard || keeps) && (table?.resources.size ?? 0) > 0) return undefined;",
    becomes: "",
  },
  {
    rule: "what was blamed together is free when the bad one has gone",
    seed: 319,
    file: "offer.ts",
    text: "return isWhole(together, view);",
    becomes: "return true;",
  },
  {
    rule: "a returning node first asks for the endpoints of its clusters",
    seed: 1290,
    file: "sequencer.ts",
    text: "&& (!progress.owesSupply || expired)",
    becomes: "",
  },
  {
    rule: "nothing goes that a listener or route of the node leads to",
    seed: 1385,
    file: "sequencer.ts",
    text: "entry.inUse = progress.keepsOldReference || progress.isReferred(typeUrl, name);",
    becomes: "entry.inUse = false;",
  },
  {
    rule: "a warming cluster of a returning node gets the endpoints it asks for first",
    seed: 14,
    file: "apply-demand.ts",
    text: "(warming || isAwaited(state, name))",
    becomes: "isAwaited(state, name)",
  },
  {
    rule: "a changed cluster gets the endpoints that are asked for after it",
    seed: 6,
    file: "apply-demand.ts",
    text: "|| isAwaited(state, name)",
    becomes: "",
  },
];

test.each(mutants)("a machine that forgets “$rule” is caught", async (mutant) => {
  const machine = await loadMutant(mutant);
  const caughtBy = isRed(machine, mutant.seed) ? mutant.seed : firstRed(machine);
  expect(caughtBy, `no seed up to ${runsMax} notices`).toBeDefined();
});

test("the machine as it is passes the same runs", async () => {
  const machine = await loadMutant({ rule: "none", seed: 1, file: "stream.ts", text: "", becomes: "" });
  for (let seed = 1; seed <= 50; seed += 1) expect(simulate(seed, variantOf(seed), machine).problems).toEqual([]);
});

async function loadMutant({ file, text, becomes }: Mutant): Promise<Machine> {
  const copy = mkdtempSync(join(copies, "mutant-"));
  for (const stage of ["support", "snapshot", "xds"])
    cpSync(join(root, "src", stage), join(copy, stage), { recursive: true });
  const path = join(copy, "xds", file);
  const source = readFileSync(path, "utf8");
  if (text !== "") expect(source.split(text).length - 1, `occurrences in ${file} of: ${text}`).toBe(1);
  writeFileSync(
    path,
    source.replace(text, () => becomes),
  );
  const stream = (await import(join(copy, "xds", "stream.ts"))) as Pick<Machine, "step">;
  const state = (await import(join(copy, "xds", "stream-state.ts"))) as Pick<Machine, "createStream">;
  const shared = (await import(join(copy, "xds", "shared-responses.ts"))) as Pick<Machine, "createSharedResponses">;
  return { step: stream.step, createStream: state.createStream, createSharedResponses: shared.createSharedResponses };
}

function firstRed(machine: Machine): number | undefined {
  for (let seed = 1; seed <= runsMax; seed += 1) if (isRed(machine, seed)) return seed;
  return undefined;
}

function isRed(machine: Machine, seed: number): boolean {
  return simulate(seed, variantOf(seed), machine).problems.length > 0;
}

function variantOf(seed: number): "delta" | "sotw" {
  return seed % 2 === 0 ? "delta" : "sotw";
}
