/**
 * The flags of `serve` that can be wrong.
 */
import { describe, expect, test } from "vitest";
import { addressText, readDurationMs, readListenAddresses } from "../../../src/cli/serve-options.ts";

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

  test.each(["0.0.0.0:18000", "10.0.0.1:18000", "[::]:18000"])("%s needs --insecure-listen", (text) => {
    const closed = readListenAddresses({ xds: text, admin: "127.0.0.1:1" });
    expect(closed.ok ? "" : closed.error.join()).toContain("--insecure-listen");
    expect(readListenAddresses({ xds: text, admin: "127.0.0.1:1", insecureListen: true }).ok).toBe(true);
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
