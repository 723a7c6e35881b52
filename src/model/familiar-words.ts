/**
 * Words that other systems use in a place where Fairway has another one, too far from it for "did you mean".
 */
import type { Path } from "./position.ts";

const address = 'the port belongs to the address of an endpoint: "10.0.0.1:8080"';
const serviceHint = "a backend is written `{ service: shop }`; its port is that of the service's endpoints";

/** `*` stands for one step of a path. */
const familiarWords: readonly {
  readonly where: readonly string[];
  readonly hints: Readonly<Record<string, string>>;
}[] = [
  {
    where: ["services", "*"],
    hints: {
      port: address,
      targetPort: address,
      hosts: "did you mean `endpoints`?",
      upstreams: "did you mean `endpoints`?",
    },
  },
  {
    where: ["services", "*", "endpoints", "*"],
    hints: { port: address, ip: 'write `address: "10.0.0.1:8080"`', host: 'write `address: "10.0.0.1:8080"`' },
  },
  {
    where: ["routes", "*"],
    hints: {
      parentRefs: "did you mean `gateways`?",
      hosts: "did you mean `hostnames`?",
      domains: "did you mean `hostnames`?",
    },
  },
  {
    where: ["routes", "*", "rules", "*"],
    hints: {
      retries: "did you mean `retry`?",
      timeout: "write `timeouts: { request: 3s }`",
      backendRefs: "did you mean `backends`?",
      service: "write `backends: [{ service: shop }]`",
    },
  },
  { where: ["routes", "*", "rules", "*", "backends", "*"], hints: { port: serviceHint, name: serviceHint } },
];

/** The way out for a key that is at home elsewhere, or undefined. */
export function familiarWord(path: Path, key: string): string | undefined {
  const found = familiarWords.find(
    ({ where, hints }) =>
      Object.hasOwn(hints, key) &&
      where.length === path.length &&
      where.every((step, index) => step === "*" || step === path[index]),
  );
  return found?.hints[key];
}
