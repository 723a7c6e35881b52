/**
 * How the tests run: those with real Envoys and gRPC clients two files at a time, those with etcd three, and with more time;
 * all others side by side.
 *
 * A retry would hide a flake, and a flake is a bug, so there are none.
 */
import { defineConfig } from "vitest/config";

/** They run compilers and package managers for minutes on a fresh machine, and would starve what runs beside them. */
const toolchain = ["test/pack.test.ts", "test/opa-policy.test.ts", "test/stages/model/descriptor-set.test.ts"];

export default defineConfig({
  test: {
    pool: "forks",
    globalSetup: "test/support/compiled-main.ts",
    allowOnly: false,
    projects: [
      {
        extends: true,
        test: {
          name: "fairway",
          include: ["test/**/*.test.ts"],
          exclude: ["test/envoy/**", "test/clients/**", "test/etcd/**", ...toolchain],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "envoy",
          include: ["test/envoy/**/*.test.ts", "test/clients/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Each file starts control planes, Envoys or gRPC clients, and load, and waits more than it works: two at once fill
          // a machine with two cores, and with three the load clients would be late.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "etcd",
          include: ["test/etcd/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // They wait for leases, elections and time-outs, and have hardly any load.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "toolchain",
          include: toolchain,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
