/**
 * The names in a certificate, as Node writes them down.
 */
import { expect, test } from "vitest";
import { alternativeNames } from "../../../src/grpc/peer.ts";

test.each([
  ["DNS:a.test", ["a.test"]],
  ["DNS:a.test, URI:spiffe://fleet/edge-1, IP Address:10.0.0.1", ["a.test", "spiffe://fleet/edge-1"]],
  ["", []],
  // A quoted value is one that tries to look like several.
  ['DNS:"a.test, DNS:b.test"', []],
  ['URI:"x, URI:spiffe://fleet/edge-1"', []],
  ['URI:"x, URI:spiffe://fleet/edge-1, URI:y", DNS:a.test', ["a.test"]],
  ['URI:"x\\", URI:spiffe://fleet/edge-1, DNS:\\"y", DNS:a.test', ["a.test"]],
])("the names in %s", (text, names) => {
  expect(alternativeNames(text)).toEqual(names);
});
