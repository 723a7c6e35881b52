/**
 * The flags of `serve` that can be wrong.
 */
import { describe, expect, test } from "vitest";
import {
  addressText,
  askedFor,
  localUrl,
  readDurationMs,
  readListenAddresses,
  readLoadInterval,
  readXdsConnections,
} from "../../../src/cli/serve-options.ts";

describe("listen addresses", () => {
  test.each([
    ["127.0.0.1:18000", "127.0.0.1:18000"],
    ["127.1.2.3:0", "127.1.2.3:0"],
    ["localhost:18000", "127.0.0.1:18000"],
    ["[::1]:18000", "[::1]:18000"],
  ])("%s is loopback and allowed", (text, expected) => {
    const read = readListenAddresses({ xds: text, admin: text });
    expect(read.ok && addressText(read.value.xds)).toBe(expected);
  });

  test.each([
    ["127.0.0.1", "http://127.0.0.1:1"],
    ["0.0.0.0", "http://127.0.0.1:1"],
    ["::", "http://127.0.0.1:1"],
    ["::1", "http://[::1]:1"],
  ])("%s is asked on the same machine at %s", (host, url) => {
    expect(localUrl({ host, port: 1 })).toBe(url);
  });

  test.each(["0.0.0.0:18000", "10.0.0.1:18000", "[::]:18000"])("%s needs --insecure-listen", (text) => {
    const closed = readListenAddresses({ xds: text, admin: "127.0.0.1:1" });
    expect(closed.ok ? "" : closed.error.join()).toContain("--insecure-listen");
    expect(readListenAddresses({ xds: text, admin: "127.0.0.1:1", insecureListen: true }).ok).toBe(true);
  });

  test("beyond loopback are allowed for xDS when Envoys must show a certificate, and for nothing else", () => {
    const wide = { xds: "0.0.0.0:18000", admin: "127.0.0.1:1" };
    const certificates = { xdsCert: "a.pem", xdsClientCa: "ca.pem" };
    expect(readListenAddresses({ ...wide, ...certificates }).ok).toBe(true);
    expect(readListenAddresses({ ...wide, xdsCert: "a.pem" }).ok).toBe(false);
    expect(readListenAddresses({ ...wide, ...certificates, admin: "0.0.0.0:1" }).ok).toBe(false);
  });

  test.each(["18000", "127.0.0.1", "127.0.0.1:99999", "::1:18000", "example.com:18000", "127.0.0.1:x"])(
    "%s is no address, and the message shows one",
    (text) => {
      const read = readListenAddresses({ xds: text, admin: text });
      expect(read.ok ? [] : read.error).toHaveLength(2);
      expect(read.ok ? "" : read.error[0]).toContain("127.0.0.1:18000");
    },
  );
});

test.each([
  ["250ms", 250],
  ["30s", 30_000],
  ["1.5m", 90_000],
  ["1h", 3_600_000],
  ["30", undefined],
  ["-1s", undefined],
  ["", undefined],
])("reads the duration %j as %j ms", (text, expected) => {
  expect(readDurationMs(text)).toBe(expected);
});

describe("the flags of TLS", () => {
  test("say what belongs together", () => {
    const mistakesOf = (flags: Parameters<typeof readXdsConnections>[0]) => {
      const read = readXdsConnections(flags);
      return read.ok ? [] : read.error;
    };
    expect(mistakesOf({ xdsCert: "a.pem" })).toEqual([expect.stringContaining("--xds-key is missing")]);
    expect(mistakesOf({ xdsKey: "a.key" })).toEqual([expect.stringContaining("--xds-cert is missing")]);
    expect(mistakesOf({ xdsClientCa: "ca.pem" })).toEqual([expect.stringContaining("--xds-client-ca needs")]);
    expect(mistakesOf({ xdsCert: "a.pem", xdsKey: "a.key", xdsVerifyNode: true })).toEqual([
      expect.stringContaining("--xds-verify-node needs"),
    ]);
    expect(mistakesOf({ xdsMaxConnectionAge: "1s" })).toEqual([expect.stringContaining("10s or more")]);
    expect(mistakesOf({})).toEqual([]);
  });

  test("are read together", () => {
    const flags = { xdsCert: "a.pem", xdsKey: "a.key", xdsClientCa: "ca.pem", xdsVerifyNode: true };
    expect(readXdsConnections({ ...flags, xdsMaxConnectionAge: "30m" })).toEqual({
      ok: true,
      value: {
        tlsPaths: { cert: "a.pem", key: "a.key", clientCa: "ca.pem" },
        verifiesNode: true,
        connectionAgeMsMax: 1_800_000,
      },
    });
  });

  test.each([
    [{}, []],
    [{ xdsCert: "a.pem", xdsKey: "a.key" }, ["TLS"]],
    [{ xdsCert: "a.pem", xdsKey: "a.key", xdsClientCa: "ca.pem" }, ["TLS", "client certificates"]],
    [
      { xdsCert: "a.pem", xdsKey: "a.key", xdsClientCa: "ca.pem", xdsVerifyNode: true },
      ["TLS", "client certificates", "checked node ids"],
    ],
  ])("%j ask Envoys for %j", (flags, expected) => {
    const read = readXdsConnections(flags);
    expect(read.ok && askedFor(read.value)).toEqual(expected);
  });
});

test.each([
  ["10s", 10_000],
  ["1h", 3_600_000],
  ["1500ms", 1_500],
  ["999ms", undefined],
  ["2h", undefined],
  ["10", undefined],
])("takes intervals of load reports from a second to an hour: %s", (text, expected) => {
  const read = readLoadInterval(text);
  expect(read.ok ? read.value : undefined).toBe(expected);
  if (!read.ok)
    expect(read.error).toBe(`--load-report-interval "${text}": write a duration from 1s to 1h, such as 10s`);
});
