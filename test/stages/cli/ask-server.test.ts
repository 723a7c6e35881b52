/**
 * How a command that asks a server is written for somebody to paste.
 */
import { expect, test } from "vitest";
import { serverFlag } from "../../../src/cli/ask-server.ts";

test.each([
  ["http://127.0.0.1:18001", ""],
  ["http://[::1]:18001", " --server http://[::1]:18001"],
  ["http://a:1/x?y=it's", ` --server 'http://a:1/x?y=it'\\''s'`],
])("%s is found by the flag `%s`", (server, flag) => {
  expect(serverFlag(server)).toBe(flag);
});
