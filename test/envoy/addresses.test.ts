/**
 * Which listeners a real Envoy does not take beside each other, for the check that every snapshot gets.
 */
import { expect, it } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { addressPairs } from "./address-pairs.ts";
import { BareAds } from "./bare-ads.ts";

it("refuses the second listener of an address as the check does, and takes what the check takes", async () => {
  await using ads = await BareAds.start();
  await using envoy = await Envoy.start({ xdsPort: ads.port, nodeId: "addresses", logLevel: "error" });
  await envoy.ready();
  for (const [title, clash, listeners] of addressPairs) {
    const [first, second] = listeners(await freePort());
    const type = { "@type": typeUrls.listener };
    expect(await ads.offer({ ...first, ...type, name: `first: ${title}` }), title).toBeUndefined();
    const said = await ads.offer({ ...second, ...type, name: `second: ${title}` });
    if (clash) expect(said, title).toContain("has duplicate address");
    else expect(said, title).toBeUndefined();
  }
});
