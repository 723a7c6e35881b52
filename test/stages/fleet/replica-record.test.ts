/** When a replica's record says that no service of its config has what registers somewhere. */
import { expect, test } from "vitest";
import { readReplicaRecord, replicaRecord, saysUnnamed } from "../../../src/fleet/replica-record.ts";

const self = { startedAtMs: 1, admin: "127.0.0.1:18001" };

function recordOf(unnamed: string[] | undefined, prefixes: readonly string[]) {
  const reached = new Map(prefixes.map((prefix) => [prefix, 7]));
  const record = replicaRecord({ ...self, ...(unnamed && { unnamed }) }, reached, reached);
  return readReplicaRecord(Buffer.from(JSON.stringify(record))) ?? record;
}

test.each([
  { of: "one that names the prefix", unnamed: ["/services/shpo/"], prefixes: ["/services/"], says: true },
  { of: "one that names another", unnamed: ["/services/shp/"], prefixes: ["/services/"], says: false },
  { of: "one that follows nothing there", unnamed: [], prefixes: ["/fairway/config/"], says: true },
  { of: "an older one, which does not know", unnamed: undefined, prefixes: ["/fairway/config/"], says: false },
])("of $of a service that no config names: $says", ({ unnamed, prefixes, says }) => {
  expect(saysUnnamed(recordOf(unnamed, prefixes), "/services/shpo/")).toBe(says);
});
