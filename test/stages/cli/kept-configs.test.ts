/** Which config a snapshot that is served is from, as the next start finds it. */
import { expect, test } from "vitest";
import type { SourceState } from "../../../src/config/source.ts";
import type { KeptFiles } from "../../../src/cli/kept-configs.ts";
import { KeptConfigs } from "../../../src/cli/kept-configs.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";

const first = buildSnapshot({ clusters: { a: ["10.0.0.1"] } });
const second = buildSnapshot({ clusters: { a: ["10.0.0.2"] } });
const third = buildSnapshot({ clusters: { a: ["10.0.0.3"] } });

const config = (text: string): SourceState => ({
  ...{ revision: 1, problems: [], noticedAtMs: 0, cause: "start" },
  documents: [{ path: "shop.yaml", bytes: Buffer.from(text), hash: text }],
  etcd: new Map([["/fairway/config/", 7]]),
});

class Disk {
  files: KeptFiles = {};
  writes: string[] = [];
  readonly kept = new KeptConfigs({
    write: async (key, bytes) => {
      this.writes.push(key);
      this.files = { ...this.files, [key]: bytes };
    },
  });

  /** The text of the config that a start goes by which serves this. */
  startWith(snapshot: typeof first): string | undefined {
    const kept = new KeptConfigs({ write: async () => undefined });
    kept.restore(this.files);
    const found = kept.of(new Map([[snapshot.group, snapshot]]));
    return found?.groups[0] !== snapshot.group
      ? undefined
      : Buffer.from(found.config.documents[0]?.bytes ?? []).toString("utf8");
  }
}

const whole = { hasSplits: true, areAll: true };

test("a start goes by the config of the very snapshot that it serves", () => {
  const disk = new Disk();
  disk.kept.served(config("one"), [first], whole);
  disk.kept.promoted(first.group, first.version);
  disk.kept.served(config("two"), [second], whole);
  expect(disk.startWith(first)).toBe("one");
  expect(disk.startWith(second)).toBe("two");
  expect(disk.startWith(third)).toBeUndefined();
  // What neither is served nor has proven itself last is not kept.
  disk.kept.served(config("three"), [third], whole);
  expect(disk.startWith(second)).toBeUndefined();
  expect(disk.startWith(first)).toBe("one");
});

test("the same snapshot of a newer config goes by the newer one", () => {
  const disk = new Disk();
  disk.kept.served(config("max: 50"), [first], whole);
  disk.kept.promoted(first.group, first.version);
  disk.kept.served(config("max: 30"), [first], whole);
  expect(disk.startWith(first)).toBe("max: 30");
  disk.kept.served(config("max: 20"), [second], whole);
  expect(disk.startWith(first)).toBe("max: 30");
});

test("a config without splits is not kept, and ends what was kept of the one before", () => {
  const disk = new Disk();
  disk.kept.served(config("none"), [first], { hasSplits: false, areAll: true });
  expect(disk.writes).toEqual([]);
  disk.kept.served(config("one"), [first], whole);
  disk.kept.served(config("none"), [second], { hasSplits: false, areAll: true });
  expect(disk.startWith(second)).toBeUndefined();
});

test("documents are written when they are others, not with each snapshot of the same", () => {
  const disk = new Disk();
  disk.kept.served(config("one"), [first], whole);
  disk.kept.served(config("one"), [second], whole);
  disk.kept.served(config("one"), [second], whole);
  expect(disk.writes).toEqual(["@configs", "@served-by", "@served-by"]);
});

test("files that are damaged count as absent", () => {
  const disk = new Disk();
  disk.kept.served(config("one"), [first], whole);
  disk.files = { ...disk.files, "@configs": Buffer.from("{") };
  expect(disk.startWith(first)).toBeUndefined();
});
