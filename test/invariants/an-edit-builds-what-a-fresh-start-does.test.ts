/**
 * Invariant: what a build remembers of earlier builds never shows in what comes out.
 *
 * After every one of many random edits the building thread's caches give the same diagnostics, resources,
 * places and policies as a program that has just been started with the same files.
 */
import { expect, test } from "vitest";
import type { Document } from "../../src/config/source.ts";
import { collectDiagnostics } from "../../src/model/collect-diagnostics.ts";
import { createParseCache, parseIntent } from "../../src/model/parse-intent.ts";
import { buildSnapshots } from "../../src/snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../../src/snapshot/encode-resource.ts";
import type { GroupName, Snapshot } from "../../src/snapshot/snapshot.ts";
import { contentHash } from "../../src/support/hash.ts";
import { createLintMemo, lintIntent } from "../../src/translate/lint.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { createRandom } from "../support/random.ts";
import type { EditedFiles } from "./random-edits.ts";
import { edit, firstFiles, textOf } from "./random-edits.ts";

const SEEDS = 12;
const EDITS = 60;

test.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))("edits with seed %i", (seed) => {
  const random = createRandom(seed);
  const edited = startBuilding();
  let files = firstFiles(random);
  let good = files;
  let built = 0;
  for (let turn = 0; turn < EDITS; turn += 1) {
    const documents = documentsOf(files);
    const outcome = edited(documents);
    expect(outcome, `after edit ${turn}`).toEqual(startBuilding()(documents));
    if (outcome.groups !== undefined) {
      built += 1;
      good = files;
    }
    // Somebody who broke something mostly takes it back soon.
    if (outcome.groups === undefined && random.chance(0.6)) files = good;
    else for (let count = 1 + random.int(2); count > 0; count -= 1) files = edit(random, files);
  }
  expect(built).toBeGreaterThan(EDITS / 5);
});

/** A building thread: from documents to what it would report and serve. */
function startBuilding() {
  const cache = createParseCache();
  const encoder = createResourceEncoder(envoyApi);
  const lintMemo = createLintMemo();
  let previous: ReadonlyMap<GroupName, Snapshot> = new Map();
  return (documents: readonly Document[]) => {
    const parsed = parseIntent({ documents, problems: [], api: envoyApi, cache });
    if (parsed.intent === undefined) return { diagnostics: parsed.diagnostics, groups: undefined };
    const result = buildSnapshots({ intent: parsed.intent, encoder, cause: { text: "test", atMs: 0 }, previous });
    const found = result.ok ? [...result.value.warnings, ...lintIntent(parsed.intent, lintMemo)] : result.error;
    const diagnostics = collectDiagnostics([...parsed.diagnostics, ...found], documents);
    if (!result.ok) return { diagnostics, groups: undefined };
    previous = result.value.snapshots;
    return { diagnostics, groups: [...previous.values()].map(contentOf), intent: parsed.intent };
  };
}

/** With the order of the tables, which is part of what is promised. */
function contentOf({ group, version, updates, tables }: Snapshot) {
  return {
    group,
    version,
    updates,
    tables: [...tables.values()].map((table) => ({
      ...table,
      resources: [...table.resources].map(([name, { body, ...resource }]) => ({
        ...resource,
        key: name,
        body: Buffer.from(body).toString("base64"),
      })),
    })),
  };
}

function documentsOf(files: EditedFiles): readonly Document[] {
  return [...files]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, file]) => {
      const bytes = new TextEncoder().encode(textOf(file));
      return { path, bytes, hash: contentHash([bytes]) };
    });
}
