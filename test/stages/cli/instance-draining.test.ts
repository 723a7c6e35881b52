/** The value of an instance with draining set and cleared. */
import { expect, test } from "vitest";
import { addressIn, withDraining } from "../../../src/cli/instance-draining.ts";

const plain = "10.0.0.1:80";
const whole = '{"address":"10.0.0.1:80","labels":{"version":"v2"},"weight":3,"metadata":{"rack":7}}';

test.each([
  ["an address becomes JSON", plain, true, '{"address":"10.0.0.1:80","draining":true}'],
  ["an address that is to drain no more stays as it is", plain, false, plain],
  ["everything else is kept", whole, true, `${whole.slice(0, -1)},"draining":true}`],
  [
    "what drains already stays byte for byte",
    '{ "address": "a", "draining": true }',
    true,
    '{ "address": "a", "draining": true }',
  ],
  [
    "`health: draining` is draining",
    '{"address":"a","health":"draining"}',
    true,
    '{"address":"a","health":"draining"}',
  ],
  [
    "both words are cleared",
    '{"address":"a","health":"draining","draining":true,"weight":2}',
    false,
    '{"address":"a","weight":2}',
  ],
  [
    "another health is kept",
    '{"address":"a","health":"unhealthy","draining":true}',
    false,
    '{"address":"a","health":"unhealthy"}',
  ],
])("%s", (_title, before, draining, after) => {
  expect(withDraining(before, draining)).toEqual({ ok: true, value: after });
});

test("draining and back gives what was there before", () => {
  const drained = withDraining(whole, true);
  expect(drained.ok && withDraining(drained.value, false)).toEqual({ ok: true, value: whole });
});

test.each(["{", ""])("%j is no instance", (value) => {
  expect(withDraining(value, true).ok).toBe(false);
});

test.each([
  [plain, plain],
  [whole, "10.0.0.1:80"],
  ['{"adress":1}', undefined],
  ["{", undefined],
])("the address in %j is found", (value, address) => {
  expect(addressIn(value)).toBe(address);
});
