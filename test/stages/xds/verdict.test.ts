/**
 * What a rejection is followed by where it is known what the client has.
 */
import { expect, test } from "vitest";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { DrivenStream, shown } from "./driven-stream.ts";

const refusal = "Error adding/updating cluster(s) a: no";

/** A delta client that has taken the clusters `a` and `b`. */
function client(): DrivenStream {
  const stream = new DrivenStream("delta");
  stream.publish(buildSnapshot({ clusters: { a: { tune: 1 }, b: { tune: 1 } } }));
  stream.ask("cluster");
  stream.ack("cluster");
  return stream;
}

test("delta: a change that was alone in its response and was refused by its name is followed by nothing, because the client keeps what it had", () => {
  const stream = client();
  stream.publish(buildSnapshot({ clusters: { a: { tune: 2, bad: true }, b: { tune: 1 } } }));
  expect(shown(stream.reject("cluster", refusal))).toEqual([]);
  const back = buildSnapshot({ clusters: { a: { tune: 1 }, b: { tune: 1 } } });
  expect(shown(stream.publish(back)), "what it has already").toEqual([]);
  const mended = buildSnapshot({ clusters: { a: { tune: 3 }, b: { tune: 1 } } });
  expect(shown(stream.publish(mended))).toEqual(["clusters +a"]);
});

test("delta: where there was another change beside it, both are said once more", () => {
  const stream = client();
  stream.publish(buildSnapshot({ clusters: { a: { tune: 2, bad: true }, b: { tune: 2 } } }));
  expect(shown(stream.reject("cluster", refusal))).toEqual(["clusters +a +b"]);
});

test("delta: where it is not named, it is said once more", () => {
  const stream = client();
  stream.publish(buildSnapshot({ clusters: { a: { tune: 2, bad: true }, b: { tune: 1 } } }));
  expect(shown(stream.reject("cluster", "something is wrong"))).toEqual(["clusters +a"]);
});

test("sotw: however often a cluster was refused before, a good one that is new beside it arrives", () => {
  const stream = new DrivenStream("sotw");
  stream.ask("cluster");
  for (let tune = 1; tune <= 8; tune += 1) {
    stream.publish(buildSnapshot({ clusters: { a: { tune, bad: true } } }));
    expect(shown(stream.reject("cluster", refusal))).toEqual([]);
  }
  stream.publish(buildSnapshot({ clusters: { a: { tune: 9, bad: true }, b: { tune: 1 } } }));
  expect(shown(stream.reject("cluster", refusal))).toEqual(["clusters +b"]);
});
