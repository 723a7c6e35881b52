/** A process that saves and promotes as fast as it can until it is killed; for `generation-store.test.ts`. */
import { GenerationStore } from "../../../src/store/generation-store.ts";

const store = await GenerationStore.open({ directory: process.argv[2] ?? "" });
for (let round = 0; ; round += 1) {
  const payload = new Uint8Array(200_000).fill(round % 256);
  await Promise.all([store.saveServed("edge", payload), store.promote("edge", payload)]);
  process.stdout.write(".");
}
