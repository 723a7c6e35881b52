/**
 * The shapes of the admin API's answers: the OpenAPI document is made from them, the code that builds an
 * answer is typed by them, and a client may parse with them.
 *
 * Within `/v1` fields are added, never changed or taken away. Times are ISO 8601 in UTC.
 */
import { z } from "zod";

const time = z.iso.datetime().describe("ISO 8601, UTC");
const version = z.string().describe("A content hash, 16 hexadecimal digits");
const syncStatus = z
  .enum(["synced", "stale", "not_sent", "error"])
  .describe("In the words of Envoy's client status service: stale is sent and not acknowledged, error is rejected");
const typeName = z.string().describe("clusters, endpoints, listeners, routes, secrets, … or a type URL");

export const place = z.object({
  file: z.string(),
  line: z.int().describe("From 1"),
  column: z.int().describe("From 1, in UTF-16 units"),
});

const diagnosticSchema = z
  .object({
    code: z.string(),
    severity: z.enum(["error", "warning"]),
    message: z.string(),
    at: place,
    path: z.string().optional(),
    source: z.object({ line: z.string(), length: z.int() }).optional(),
    hint: z.string().optional(),
    related: z.object({ at: place, message: z.string() }).optional(),
  })
  .describe("What is wrong with the config, where, and the way out");

const heldVersion = z.object({ group: z.string(), version });

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    diagnostics: z.array(diagnosticSchema).optional(),
    held: z.array(heldVersion).optional().describe("What is held now"),
    split: z.record(z.string(), z.unknown()).optional().describe("The split as it is now"),
    problems: z.array(z.string()).optional().describe("Of a plan, each with its place, as in `steps[2].weight: …`"),
    rollout: z.record(z.string(), z.unknown()).optional().describe("The rollout as it is now"),
    lock: z.record(z.string(), z.unknown()).optional().describe("Who has it"),
    refusal: z
      .enum(["invalid", "limit"])
      .optional()
      .describe("Of weights: they are none, or beyond the limits that the file has"),
  })
  .describe("RFC 9457");

export const healthSchema = z.object({
  status: z.enum(["alive", "stalled"]),
  eventLoopDelay: z.object({ p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number() }),
});

export const readinessSchema = z.object({
  status: z.enum(["ready", "degraded", "not_ready"]),
  reasons: z.array(z.string()),
});

const tableSummary = z.object({ version, count: z.int() });

const pastSnapshot = z.object({
  version,
  at: time,
  cause: z.string(),
  confirmed: z
    .object({
      actor: z.string(),
      actorVerified: z.literal(false),
      at: time,
      replica: z.string().describe("Where it was given: an id of /v1/replicas"),
      reason: z.string().optional(),
    })
    .optional()
    .describe("Who has let it through, when the guard held it"),
});

const snapshotSummary = pastSnapshot.extend({ types: z.record(typeName, tableSummary) });

const heldChange = pastSnapshot.extend({
  heldSince: time,
  findings: z.array(
    z.object({
      type: typeName,
      removedCount: z.int(),
      ofCount: z.int(),
      names: z.array(z.string()),
      hosts: z
        .array(z.object({ of: z.string(), before: z.int(), after: z.int() }))
        .optional()
        .describe("Of endpoints their hosts and of routes their virtual hosts, for each of `names`"),
    }),
  ),
  changes: z
    .array(
      z.object({
        type: typeName,
        added: z.int(),
        changed: z.int(),
        removed: z.int(),
        removedNames: z.array(z.string()).describe("The first 50"),
      }),
    )
    .describe("Everything that confirming it would do, against what is served"),
});

const convergenceSchema = z.object({
  version,
  acknowledged: z.int(),
  pending: z.int(),
  rejected: z.int(),
  disconnected: z.int(),
  publishedAt: time.optional(),
  convergedAt: time.optional().describe("Absent until the last connected node has it"),
  laggards: z
    .array(
      z.object({
        node: z.string(),
        state: z.enum(["pending", "rejected"]),
        reason: z.string().optional(),
        overdue: z.boolean(),
      }),
    )
    .describe("At most 20"),
});

const groupSchema = z.object({
  group: z.string(),
  source: z.enum(["config", "last-known-good"]),
  current: snapshotSummary.optional().describe("Absent until there is a first valid snapshot"),
  history: z.array(pastSnapshot).describe("Newest first"),
  held: heldChange.optional().describe("A change that waits to be confirmed"),
  convergence: convergenceSchema.optional(),
});

export const snapshotListSchema = z.object({
  groups: z.array(groupSchema),
  refused: z
    .object({ since: time, diagnosticsCount: z.int(), diagnostics: z.array(diagnosticSchema) })
    .optional()
    .describe("The config as it is now cannot be used; what is served is older"),
  next: z.string().optional().describe("The `after` of the next page"),
});

const ttl = z
  .string()
  .optional()
  .describe("Such as 60s: a node that hears of no control plane for so long drops it; absent when it keeps it");

const onDemand = z
  .literal(true)
  .optional()
  .describe("Only nodes that ask for it by its name get it; absent when all do");

const resourceSchema = z.object({
  name: z.string(),
  version,
  at: place,
  ttl,
  onDemand,
  hosts: z.int().optional().describe("Of endpoints how many hosts, of routes how many virtual hosts; absent when none"),
  resource: z.unknown().optional().describe("proto3 JSON, secrets redacted; with include=resources"),
});

export const snapshotSchema = z.object({
  version,
  groups: z.array(z.object({ group: z.string(), at: time, cause: z.string() })),
  types: z.record(typeName, tableSummary.extend({ resources: z.array(resourceSchema) })),
  next: z.string().optional().describe("The `after` of the next page"),
});

export const warningListSchema = z.object({
  count: z.int().describe("How many there are; at most 1,000 are listed"),
  warnings: z.array(diagnosticSchema),
});

export const confirmedSchema = z.object({ version, groups: z.array(z.string()) });

const rejectionSchema = z.object({
  version: z.string().describe("The version_info of the refused response"),
  snapshot: version.optional(),
  message: z.string().describe("In the node's own words"),
  at: time,
  resourcesCount: z.int(),
  resources: z
    .array(z.object({ type: typeName, name: z.string(), version: z.string(), at: place.optional() }))
    .describe("At most 20"),
});

const nodeTypeSchema = z.object({
  type: typeName,
  status: syncStatus,
  subscribedTo: z.union([z.literal("all"), z.int()]).describe("How many names, or all"),
  sentVersion: z.string().optional(),
  acknowledgedVersion: z.string().optional(),
  lastRejection: rejectionSchema.optional(),
});

const waitingSchema = z
  .object({
    for: z.string(),
    since: time,
    deadline: time.optional().describe("From then on it counts as overdue"),
    overdue: z.boolean(),
    snapshot: version,
  })
  .describe("What the next step of a change waits for, at this moment");

export const nodeSchema = z.object({
  id: z.string(),
  cluster: z.string(),
  locality: z.object({ region: z.string(), zone: z.string(), subZone: z.string() }),
  userAgent: z.string(),
  group: z.string().optional(),
  connected: z.boolean(),
  replica: z.string().optional().describe("Which replica it is on, when that is another than the one that is asked"),
  lastSeen: time,
  status: syncStatus,
  wanted: version.optional().describe("The snapshot that its group is to have"),
  movingTo: version.optional(),
  acknowledged: version.optional().describe("The snapshot that it acknowledged in full"),
  waiting: waitingSchema.optional().describe("Of its streams the one that has waited longest"),
  refused: z
    .object({ reason: z.string(), peer: z.string().describe("The last one's address"), at: time, count: z.int() })
    .optional(),
  streams: z.array(
    z.object({
      variant: z.enum(["sotw", "delta"]),
      peer: z.string(),
      since: time,
      waiting: waitingSchema.optional(),
    }),
  ),
  types: z.array(nodeTypeSchema),
});

export const nodeResourcesSchema = z.object({
  resources: z.array(
    z.object({
      type: typeName,
      name: z.string(),
      status: syncStatus,
      version: z.string().optional().describe("What it acknowledged last; empty when that is not known"),
      wantedVersion: z.string().optional().describe("Absent when the config has no such resource any more"),
      at: place.optional().describe("The line that caused what it is to have, or else what it has"),
      ttl,
      onDemand,
      rejection: z.object({ message: z.string(), at: time }).optional(),
    }),
  ),
  next: z.string().optional().describe("The `after` of the next page"),
});

export const nodeListSchema = z.object({
  nodes: z.array(nodeSchema),
  next: z.string().optional().describe("The `after` of the next page"),
});

export const replicaListSchema = z.object({
  replicas: z.array(
    z.object({
      id: z.string().describe("As nodes and confirmations name it; another one with each start"),
      isSelf: z.boolean().describe("Whether it is the one that is asked"),
      admin: z.string().describe("Where its admin API listens"),
      startedAt: time,
      registryRevision: z.int().describe("Up to here it has taken what registers in etcd"),
      acknowledgedRevision: z.int().describe("Up to here its Envoys have acknowledged it"),
    }),
  ),
});

export const refusedInstancesSchema = z.object({
  count: z.int().describe("How many there are; at most 100 are listed"),
  instances: z.array(
    z.object({
      key: z.string(),
      revision: z.int().describe("Of its last change in etcd"),
      message: z.string().describe("Why it is no instance"),
    }),
  ),
  unnamed: z.object({
    count: z.int().describe("How many keys register where no service of the config looks"),
    prefixes: z.array(z.string()).describe("Below which they are; at most 100 are listed"),
  }),
});

export const eventListSchema = z.object({
  events: z.array(
    z.object({
      id: z.int().describe("Grows with every event; pass the last one as `after`"),
      at: z.iso.datetime(),
      kind: z.string().describe("Such as config-accepted, config-refused, rejected"),
      level: z.enum(["debug", "info", "warn", "error"]),
      text: z.string(),
      count: z.int().describe("How often it happened"),
    }),
  ),
});

/** Those that the OpenAPI document names; the others are written out where they are used. */
export const namedSchemas: Readonly<Record<string, z.ZodType>> = {
  Confirmed: confirmedSchema,
  Diagnostic: diagnosticSchema,
  EventList: eventListSchema,
  Group: groupSchema,
  Health: healthSchema,
  Node: nodeSchema,
  NodeList: nodeListSchema,
  NodeResources: nodeResourcesSchema,
  Problem: problemSchema,
  Readiness: readinessSchema,
  ReplicaList: replicaListSchema,
  RefusedInstances: refusedInstancesSchema,
  Snapshot: snapshotSchema,
  SnapshotList: snapshotListSchema,
  WarningList: warningListSchema,
};

export type Problem = z.infer<typeof problemSchema>;
export type GroupJson = z.infer<typeof groupSchema>;
export type SnapshotListJson = z.infer<typeof snapshotListSchema>;
export type SnapshotJson = z.infer<typeof snapshotSchema>;
export type WarningListJson = z.infer<typeof warningListSchema>;
export type NodeResourcesJson = z.infer<typeof nodeResourcesSchema>;
export type NodeJson = z.infer<typeof nodeSchema>;
