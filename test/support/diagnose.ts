/**
 * What `fairway check` finds in a text, from parsing to the finished snapshots.
 */
import type { Document } from "../../src/config/source.ts";
import { collectDiagnostics } from "../../src/model/collect-diagnostics.ts";
import type { Diagnostic } from "../../src/model/diagnostic.ts";
import { parseIntent } from "../../src/model/parse-intent.ts";
import type { ReferencedContent } from "../../src/model/resolve-secrets.ts";
import { buildSnapshots } from "../../src/snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../../src/snapshot/encode-resource.ts";
import type { GroupName, Snapshot } from "../../src/snapshot/snapshot.ts";
import { contentHash } from "../../src/support/hash.ts";
import { envoyApi } from "./envoy-api.ts";

const encoder = createResourceEncoder(envoyApi);

/** No file beside the documents, and no variable. */
const nothingElse: ReferencedContent = { files: [], problems: [], environment: {}, nowMs: 0 };

/** All diagnostics of one file named `fairway.yaml`, and whether it can be served. */
export function diagnose(content: string | Uint8Array): {
  readonly diagnostics: readonly Diagnostic[];
  readonly isServed: boolean;
  readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
} {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const documents: readonly Document[] = [{ path: "fairway.yaml", bytes, hash: contentHash([bytes]) }];
  const { diagnostics, intent } = parseIntent({ documents, problems: [], api: envoyApi, content: nothingElse });
  if (intent === undefined) return { diagnostics, isServed: false, snapshots: new Map() };
  const built = buildSnapshots({ intent, encoder, cause: { text: "test", atMs: 0 } });
  const found = built.ok ? built.value.warnings : built.error;
  return {
    diagnostics: collectDiagnostics([...diagnostics, ...found], documents),
    isServed: built.ok,
    snapshots: built.ok ? built.value.snapshots : new Map(),
  };
}
