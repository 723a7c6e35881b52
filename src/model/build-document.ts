/**
 * The parts of the intent that one document without problems holds, before references are resolved.
 */
import type { DraftGateway } from "./build-nodes.ts";
import { buildGateway, buildNodeGroup, buildRawResource } from "./build-nodes.ts";
import type { DraftL4Route } from "./build-l4-route.ts";
import { buildL4Route } from "./build-l4-route.ts";
import type { DraftRoute } from "./build-route.ts";
import { buildRoute } from "./build-route.ts";
import { buildPatch } from "./build-patch.ts";
import { buildPolicy } from "./build-policy.ts";
import type { DraftSecret } from "./build-secret.ts";
import { buildSecret } from "./build-secret.ts";
import { buildSplit } from "./build-split.ts";
import { buildService } from "./build-service.ts";
import type { Patch } from "./intent-patch.ts";
import type { Policy } from "./intent-policy.ts";
import type { Service } from "./intent-service.ts";
import type { Split } from "./intent-split.ts";
import type { NodeGroup, RawResource } from "./intent.ts";
import type { YamlDocument } from "./parse-document.ts";
import type { Path } from "./position.ts";
import type { DocumentValue } from "./schema.ts";

/** What one document contributes. */
export interface DocumentParts {
  readonly document: YamlDocument;
  readonly groups: readonly NodeGroup[];
  readonly gateways: readonly DraftGateway[];
  readonly services: readonly Service[];
  readonly routes: readonly DraftRoute[];
  readonly l4Routes: readonly DraftL4Route[];
  readonly splits: readonly Split[];
  readonly secrets: readonly DraftSecret[];
  readonly policies: readonly Policy[];
  readonly rawResources: readonly { readonly resource: RawResource; readonly path: Path }[];
  readonly patches: readonly Patch[];
}

/** Builds the parts; the document must have passed `checkDocument` without an error. */
export function buildDocument(document: YamlDocument): DocumentParts {
  const value = document.value as DocumentValue;
  return {
    document,
    groups: entries("nodes", value.nodes, (path, entry) => buildNodeGroup(document, path, entry)),
    gateways: entries("gateways", value.gateways, (path, entry) => buildGateway(document, path, entry)),
    services: entries("services", value.services, (path, entry) => buildService(document, path, entry)),
    routes: entries("routes", value.routes, (path, entry) => buildRoute(document, path, entry)),
    l4Routes: [
      ...entries("tcpRoutes", value.tcpRoutes, (path, entry) => buildL4Route("tcp", { document, path }, entry)),
      ...entries("udpRoutes", value.udpRoutes, (path, entry) => buildL4Route("udp", { document, path }, entry)),
      ...entries("tlsRoutes", value.tlsRoutes, (path, entry) => buildL4Route("tls", { document, path }, entry)),
    ],
    splits: entries("splits", value.splits, (path, entry) => buildSplit(document, path, entry)),
    secrets: entries("secrets", value.secrets, (path, entry) => buildSecret(document, path, entry)),
    policies: entries("policies", value.policies, (path, entry) => buildPolicy(document, path, entry)),
    rawResources: (value.resources ?? []).map((entry, index) => {
      const path = ["resources", index];
      return { resource: buildRawResource(document, path, entry), path };
    }),
    patches: (value.patches ?? []).map((entry, index) => buildPatch(document, ["patches", index], entry)),
  };
}

function entries<T, R>(
  section: string,
  map: Readonly<Record<string, T>> | undefined,
  build: (path: Path, entry: T) => R,
): readonly R[] {
  return Object.entries(map ?? {}).map(([name, entry]) => build([section, name], entry));
}
