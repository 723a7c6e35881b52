/**
 * Warnings of a running control plane: each is told once, with the build that brings it.
 */
import { describe, expect, it } from "vitest";
import { configOf, RunningPlane } from "../../invariants/running-plane.ts";

const spare = { shop: "10.0.0.1:80", spare: "10.0.0.2:80" };

describe("warnings of a running control plane", () => {
  it("are told when they are new, and not again with the next build", async () => {
    await using running = await RunningPlane.start({ files: { "main.yaml": configOf(spare) } });
    const first = await running.newVersion();
    await running.save(`# moved by a line\n${configOf({ ...spare, shop: "10.0.0.3:80" })}`);
    const second = await running.newVersion(first);
    await running.save(configOf({ ...spare, other: "10.0.0.4:80" }));
    await running.newVersion(second);
    const told = running.all("source-warning").map(({ diagnostics }) => diagnostics.map(({ message }) => message));
    expect(told).toEqual([
      ["nothing uses the service `spare`; it is still sent to every node group"],
      ["nothing uses the service `other`; it is still sent to every node group"],
    ]);
    expect(running.plane.publication.warnings).toHaveLength(2);
  });

  it("name a cluster that the change makes anew", async () => {
    const shop = { shop: "10.0.0.1:80" };
    await using running = await RunningPlane.start({ files: { "main.yaml": configOf(shop) } });
    const first = await running.newVersion();
    expect(running.all("source-warning")).toEqual([]);
    await running.save(configOf(shop).replace(`:80"]`, `:80"], connectTimeout: 1s`));
    await running.newVersion(first);
    const [event] = running.all("source-warning");
    expect(event?.diagnostics).toMatchObject([
      { code: "cluster-recreated", message: expect.stringContaining('connect_timeout "5s" → "1s"'), at: { line: 4 } },
    ]);
  });
});
