/** What `--etcd` and its company may say. */
import { expect, test } from "vitest";
import { readEtcdOptions } from "../../../src/cli/etcd-options.ts";

test.each([
  [{ etcd: "10.0.0.1:2379" }, ["10.0.0.1:2379"]],
  [{ etcd: "http://a.internal:2379, http://[::1]:2379/" }, ["a.internal:2379", "[::1]:2379"]],
  [{ etcd: "https://a:2379" }, ["a:2379"]],
])("%j is understood", (flags, endpoints) => {
  expect(readEtcdOptions(flags, {})).toMatchObject({ ok: true, value: { endpoints } });
});

test("without --etcd there is no etcd, and what belongs to it is a mistake", () => {
  expect(readEtcdOptions({}, {})).toEqual({ ok: true, value: undefined });
  expect(readEtcdOptions({ etcdUser: "a" }, {})).toEqual({ ok: false, error: ["--etcd-user needs --etcd"] });
});

test("the password comes from a variable, and is wanted with a user", () => {
  const flags = { etcd: "a:1", etcdUser: "fairway" };
  expect(readEtcdOptions(flags, { FAIRWAY_ETCD_PASSWORD: "x" })).toMatchObject({
    ok: true,
    value: { user: { name: "fairway", password: "x" } },
  });
  expect(readEtcdOptions(flags, {})).toEqual({ ok: false, error: ["--etcd-user needs FAIRWAY_ETCD_PASSWORD"] });
});

test.each([
  [{ etcd: "nonsense" }, /not the URL of a member/],
  [{ etcd: "http://a:99999" }, /not the URL of a member/],
  [{ etcd: "http://a:1,https://b:1" }, /https and with http/],
  [{ etcd: "http://a:1", etcdCa: "/ca.pem" }, /for https/],
  [{ etcd: "https://a:1", etcdCert: "/c.pem" }, /belong together/],
])("%j is a mistake that is told", (flags, message) => {
  const read = readEtcdOptions(flags, {});
  expect(read.ok ? "" : read.error.join("\n")).toMatch(message);
});
