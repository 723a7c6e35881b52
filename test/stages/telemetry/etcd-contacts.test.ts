/**
 * What people are told when etcd goes away and comes back, prefix by prefix.
 */
import { expect, test } from "vitest";
import type { Contact } from "../../../src/etcd/follow-prefix.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { describeEvent } from "../../../src/telemetry/describe-event.ts";
import { EtcdContacts } from "../../../src/telemetry/etcd-contacts.ts";
import type { EtcdContactEvent, EtcdEvent } from "../../../src/telemetry/event.ts";
import { eventually } from "../../support/eventually.ts";

const current: Contact = { kind: "current" };
const away = { kind: "behind", sinceMs: systemClock.monotonicMs() } as const;
const behind: Contact = { ...away, isTurnedDown: false, reason: "it does not answer" };
const untrusted: Contact = { ...away, isTurnedDown: true, reason: "its certificate was valid until 2026-01-01" };
const older: Contact = { kind: "older", regression: { kind: "revision", listed: 5, known: 9 }, sinceMs: 0 };
const other: Contact = { kind: "older", regression: { kind: "cluster", listed: "7b", known: "3a" }, sinceMs: 0 };
const prefixes = ["/fairway/config/", "/fairway/served/", "/services/", "/teams/a/shop/"];

/** Hears and tells, and shows what was told as contact and number of prefixes. */
function listening(times: { readonly tellAfterMs: number; readonly tellAgainAfterMs?: number }) {
  const events: EtcdContactEvent[] = [];
  const record = (event: EtcdEvent) => (event.kind === "etcd-contact" ? events.push(event) : undefined);
  const contacts = new EtcdContacts({ clock: systemClock, ...times, record });
  return {
    all: (contact: Contact | undefined) => {
      for (const prefix of prefixes) contacts.hear(prefix, contact);
    },
    hear: (prefix: string, contact: Contact | undefined) => contacts.hear(prefix, contact),
    behind: () => contacts.behind().map(({ prefix }) => prefix),
    told: () => events.map((event) => `${event.contact} ${event.prefixes.length}`),
    toldSoon: (...wanted: readonly string[]) =>
      eventually(
        wanted.join(),
        () => events.map((event) => `${event.contact} ${event.prefixes.length}`).join() === wanted.join(),
      ),
    texts: () => events.map((event) => describeEvent(event).text),
    [Symbol.dispose]: () => contacts.close(),
  };
}

test("an outage is told once with what it affects, and its end once when that is true for all of it", async () => {
  using scene = listening({ tellAfterMs: 10 });
  scene.all(current);
  await scene.toldSoon("followed 4");
  scene.all(behind);
  await scene.toldSoon("followed 4", "lost 4");
  expect(scene.texts()[1]).toBe(
    "no contact with etcd, so this stays as it was last known: the config in etcd, how new other replicas are, " +
      "instances below /services/ and instances below /teams/a/shop/: it does not answer",
  );
  expect(scene.behind()).toEqual(prefixes);
  for (const prefix of prefixes.slice(1)) scene.hear(prefix, current);
  scene.hear("/services/", behind);
  scene.hear("/services/", current);
  expect(scene.told()).toEqual(["followed 4", "lost 4"]);
  scene.hear("/fairway/config/", current);
  expect(scene.told()).toEqual(["followed 4", "lost 4", "back 4"]);
  expect(scene.behind()).toEqual([]);
});

test("one that is over before it was told is told by its end alone", async () => {
  using scene = listening({ tellAfterMs: 60_000 });
  scene.all(behind);
  scene.all(current);
  expect(scene.told()).toEqual(["back 4"]);
  expect(scene.texts()[0]).toMatch(/^etcd is followed again after \d+\.\d s: .*; it was: it does not answer$/);
});

test("what joins an outage later is told with its end, and a second outage anew", async () => {
  using scene = listening({ tellAfterMs: 10 });
  scene.hear("/services/", behind);
  await scene.toldSoon("lost 1");
  scene.hear("/fairway/served/", behind);
  scene.hear("/services/", current);
  scene.hear("/fairway/served/", current);
  expect(scene.told()).toEqual(["lost 1", "back 2"]);
  scene.hear("/services/", behind);
  await scene.toldSoon("lost 1", "back 2", "lost 1");
});

test("that one turns the other down is told with its reason, also in an outage that was told before, and at its end", async () => {
  using scene = listening({ tellAfterMs: 10 });
  scene.all(behind);
  await scene.toldSoon("lost 4");
  scene.all(untrusted);
  await scene.toldSoon("lost 4", "lost 4");
  expect(scene.texts()[1]).toMatch(/^no contact with etcd, .*: its certificate was valid until 2026-01-01$/);
  scene.all(current);
  expect(scene.told()).toEqual(["lost 4", "lost 4", "back 4"]);
  expect(scene.texts()[2]).toMatch(/; it was: its certificate was valid until 2026-01-01$/);
});

test("what joins an outage that lasts is told with all that it affects by then, once", async () => {
  using scene = listening({ tellAfterMs: 10, tellAgainAfterMs: 40 });
  scene.hear("/services/", behind);
  await scene.toldSoon("lost 1");
  scene.hear("/fairway/served/", behind);
  scene.hear("/fairway/config/", behind);
  scene.hear("/fairway/config/", { ...behind, reason: "it refuses connections" });
  await scene.toldSoon("lost 1", "lost 3");
  scene.hear("/services/", current);
  scene.hear("/services/", behind);
  scene.hear("/teams/a/shop/", older);
  await scene.toldSoon("lost 1", "lost 3", "older 1");
  for (const prefix of prefixes) scene.hear(prefix, current);
  expect(scene.told()).toEqual(["lost 1", "lost 3", "older 1", "back 4"]);
});

test("an etcd that is another cluster is not called an older one", async () => {
  using scene = listening({ tellAfterMs: 10 });
  scene.all(other);
  await scene.toldSoon("other 4");
  expect(scene.texts()[0]).toMatch(
    /^etcd is another cluster than before, .*: its id is 7b, and was 3a; it was restored/,
  );
  expect(scene.texts()[0]).not.toContain("older");
});

test("an etcd that comes back with an older state is told as well, because somebody has to act", async () => {
  using scene = listening({ tellAfterMs: 10 });
  scene.all(behind);
  await scene.toldSoon("lost 4");
  scene.hear("/services/", older);
  await scene.toldSoon("lost 4", "older 1");
  expect(scene.texts()[1]).toContain("its revision has gone back (5, known 9)");
});

test("a prefix that is followed no more holds up no end", async () => {
  using scene = listening({ tellAfterMs: 10 });
  scene.hear("/services/", behind);
  scene.hear("/teams/a/shop/", behind);
  await scene.toldSoon("lost 2");
  scene.hear("/services/", current);
  scene.hear("/teams/a/shop/", undefined);
  expect(scene.told()).toEqual(["lost 2", "back 2"]);
});
