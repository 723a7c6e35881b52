/**
 * Snapshots of a few services, built as Fairway builds them, so that clients can read what is in them.
 */
import { parseIntent } from "../../src/model/parse-intent.ts";
import { buildSnapshots } from "../../src/snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../../src/snapshot/encode-resource.ts";
import type { Snapshot } from "../../src/snapshot/snapshot.ts";
import { contentHash } from "../../src/support/hash.ts";
import { envoyApi } from "../support/envoy-api.ts";

const encoder = createResourceEncoder(envoyApi);

/** A snapshot of services with a breaker each and a gateway whose route leads to the first. */
export function snapshotOf(
  services: Readonly<Record<string, number>>,
  hosts: readonly string[] = ["127.0.0.1:1"],
): Snapshot {
  const text = `
gateways: { public: { listeners: [{ name: http, port: 10000, address: 127.0.0.1 }] } }
services:
${Object.entries(services)
  .map(
    ([name, limit]) => `  ${name}: { endpoints: ${JSON.stringify(hosts)}, circuitBreaker: { maxRequests: ${limit} } }`,
  )
  .join("\n")}
routes: { all: { rules: [{ backends: [{ service: ${Object.keys(services)[0]} }] }] } }
`;
  const bytes = Buffer.from(text);
  const documents = [{ path: "main.yaml", bytes, hash: contentHash([bytes]) }];
  const { intent, diagnostics } = parseIntent({ documents, problems: [], api: envoyApi });
  if (intent === undefined) throw new Error(JSON.stringify(diagnostics));
  const built = buildSnapshots({ intent, encoder, cause: { text: "test", atMs: 0 } });
  const [snapshot] = built.ok ? [...built.value.snapshots.values()] : [];
  if (snapshot === undefined) throw new Error("the test's config must build");
  return snapshot;
}
