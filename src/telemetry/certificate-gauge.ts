/**
 * When the certificates of secrets end, for an alert weeks before.
 *
 * Read when Prometheus asks. A secret that is on the Envoys' own disks has no series, because only they can read it.
 */
import { Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { SecretValidity } from "../model/validity.ts";

/** Those that end first; whoever has more is alerted by them all the same. */
const SECRETS_MAX = 1_000;

export function registerCertificateGauge(registry: Registry, validities: () => readonly SecretValidity[]): void {
  registry.registerMetric(
    new Gauge({
      name: "fairway_certificate_not_after_timestamp_seconds",
      help: "When the certificate of a secret ends; of several authorities the last.",
      labelNames: ["secret"],
      registers: [],
      collect() {
        this.reset();
        const first = validities().toSorted((left, right) => left.toMs - right.toMs);
        for (const { secret, toMs } of first.slice(0, SECRETS_MAX)) this.set({ secret }, toMs / 1_000);
      },
    }),
  );
}
