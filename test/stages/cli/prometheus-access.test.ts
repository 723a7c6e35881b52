/** Credentials for a Prometheus: what is wrong input, and who is shown them. */
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { authorizationFor, readPrometheusOptions } from "../../../src/cli/prometheus-access.ts";
import type { PrometheusFlags } from "../../../src/cli/prometheus-access.ts";
import { present } from "../../../src/support/assert.ts";
import { tempDir } from "../../support/temp-dir.ts";

const url = "https://metrics.example.com/prom";

describe("credentials for a Prometheus", () => {
  test("are none when nothing is said", () => {
    expect(readPrometheusOptions({}, {})).toEqual({ ok: true, value: undefined });
  });

  test.each<[string, PrometheusFlags, NodeJS.ProcessEnv, RegExp]>([
    ["an address alone", { prometheus: url }, {}, /there are none/],
    ["a token without an address", {}, { FAIRWAY_PROMETHEUS_TOKEN: "t0p" }, /need --prometheus, the address/],
    ["no address", { prometheus: "metrics:9090" }, { FAIRWAY_PROMETHEUS_TOKEN: "t0p" }, /"metrics:9090" is no address/],
    [
      "an address with a user",
      { prometheus: "http://ci@metrics:9090" },
      { FAIRWAY_PROMETHEUS_TOKEN: "t0p" },
      /is no address/,
    ],
    [
      "a file that is not there",
      { prometheus: url, prometheusTokenFile: "/nowhere/token" },
      {},
      /^--prometheus-token-file \/nowhere\/token cannot be read \(ENOENT\)$/,
    ],
    [
      "a token twice",
      { prometheus: url, prometheusTokenFile: "/nowhere/token" },
      { FAIRWAY_PROMETHEUS_TOKEN: "t0p" },
      /--prometheus-token-file and FAIRWAY_PROMETHEUS_TOKEN are both given; give one/,
    ],
    [
      "a token and a user",
      { prometheus: url, prometheusUser: "ci" },
      { FAIRWAY_PROMETHEUS_TOKEN: "t0p", FAIRWAY_PROMETHEUS_PASSWORD: "t0p" },
      /a token and a user with a password are both given/,
    ],
    ["a user without a password", { prometheus: url, prometheusUser: "ci" }, {}, /--prometheus-user needs/],
    [
      "a password without a user",
      { prometheus: url },
      { FAIRWAY_PROMETHEUS_PASSWORD: "t0p" },
      /needs --prometheus-user/,
    ],
    ["an empty token", { prometheus: url }, { FAIRWAY_PROMETHEUS_TOKEN: "" }, /FAIRWAY_PROMETHEUS_TOKEN is empty/],
    ["two lines", { prometheus: url }, { FAIRWAY_PROMETHEUS_TOKEN: "t0p\nt0p" }, /is no token/],
  ])("are refused: %s", (_, flags, environment, why) => {
    const read = readPrometheusOptions(flags, environment);
    const text = read.ok ? "" : read.error.join("\n");
    expect(text).toMatch(why);
    expect(text).not.toContain("t0p");
  });

  test("go to their address and to no other, as their file has them now", async () => {
    await using directory = await tempDir();
    const prometheusTokenFile = directory.join("token");
    await writeFile(prometheusTokenFile, "first\n");
    const read = readPrometheusOptions({ prometheus: `${url}/`, prometheusTokenFile }, {});
    const access = present(read.ok ? read.value : undefined, "it is all there");
    const sent = (to: string) => authorizationFor(access, to);
    expect(await sent(url)).toEqual({ ok: true, value: "Bearer first" });
    expect(await sent(`${url}/team-a`)).toEqual({ ok: true, value: "Bearer first" });
    const elsewhere = ["http://metrics.example.com/prom", "https://metrics.example.com:444/prom", `${url}-2`];
    for (const to of [...elsewhere, "https://metrics.example.com/", `${url}/../other`, "https://evil.example/prom"]) {
      expect([to, await sent(to)]).toEqual([to, { ok: true, value: undefined }]);
    }
    await writeFile(prometheusTokenFile, "second");
    expect(await sent(url)).toEqual({ ok: true, value: "Bearer second" });
    await writeFile(prometheusTokenFile, "not a token");
    const broken = await sent(url);
    expect(broken).toMatchObject({ ok: false, error: expect.stringContaining("is no token") });
    expect(JSON.stringify(broken)).not.toContain("not a token");
  });

  test("are a user and a password as well", async () => {
    const read = readPrometheusOptions(
      { prometheus: url, prometheusUser: "ci" },
      { FAIRWAY_PROMETHEUS_PASSWORD: "a:b c" },
    );
    const access = present(read.ok ? read.value : undefined, "it is all there");
    const value = `Basic ${Buffer.from("ci:a:b c").toString("base64")}`;
    expect(await authorizationFor(access, url)).toEqual({ ok: true, value });
  });
});
