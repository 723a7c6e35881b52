/**
 * Warnings about services that HTTP filters call in another way than they answer: gRPC to one of HTTP/1.1, and keys of
 * an issuer whose address says TLS where the service has none, or none where it has.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { JwtProvider } from "../model/filter-jwt.ts";
import type { FilterParts } from "../model/filter-parts.ts";
import type { AttachedPolicy } from "../model/intent-policy.ts";
import type { Service } from "../model/intent-service.ts";
import type { Intent } from "../model/intent.ts";

/** Told once for each part that is written, however often a policy is attached. */
export function lintCalledServices({ gateways, routes, services }: Intent): readonly Diagnostic[] {
  const written = new Set<FilterParts>();
  const note = (parts: FilterParts | undefined): unknown => parts !== undefined && written.add(parts);
  const notePolicies = (policies: readonly AttachedPolicy[]): void => {
    for (const { policy } of policies) note(policy.httpFilters);
  };
  for (const { policies } of gateways) notePolicies(policies);
  for (const { policies, rules } of routes) {
    notePolicies(policies);
    for (const rule of rules) {
      notePolicies(rule.policies);
      note(rule.httpFilters);
    }
  }
  if (written.size === 0) return [];
  const byName = new Map(services.map((service) => [service.name, service]));
  return [...written].flatMap((parts) => [...lintGrpc(parts, byName), ...lintJwks(parts, byName)]);
}

function lintGrpc({ extAuth, extProc, rateLimit }: FilterParts, services: Services): readonly Diagnostic[] {
  const called = [
    extAuth?.settings === "none" || extAuth?.settings.server.kind !== "grpc"
      ? undefined
      : { word: "extAuth", at: extAuth.at, service: extAuth.settings.server.service },
    extProc === undefined || extProc.settings === "none"
      ? undefined
      : { word: "extProc", at: extProc.at, service: extProc.settings.service },
    rateLimit?.settings === "none" || rateLimit?.settings.global === undefined
      ? undefined
      : { word: "rateLimit.global", at: rateLimit.at, service: rateLimit.settings.global.service },
  ];
  return called.flatMap((each): readonly Diagnostic[] => {
    const service = each === undefined ? undefined : services.get(each.service);
    // One that is not defined is told elsewhere.
    if (each === undefined || service === undefined || (service.protocol ?? "http1") !== "http1") return [];
    return [
      {
        code: "receiver-not-grpc",
        severity: "warning",
        message: `what \`${each.word}\` asks never arrives: it is asked over gRPC, and \`${service.name}\` speaks HTTP/1.1`,
        at: each.at,
        hint: `write \`protocol: grpc\` at the service \`${service.name}\``,
        related: { at: service.at, message: "the service is here" },
      },
    ];
  });
}

type Services = ReadonlyMap<string, Service>;

function lintJwks({ jwt }: FilterParts, services: Services): readonly Diagnostic[] {
  if (jwt === undefined || jwt.settings === "none") return [];
  return jwt.settings.providers.flatMap((provider): readonly Diagnostic[] => {
    const words = tlsDiffers(provider, services);
    return words === undefined ? [] : [{ code: "jwks-tls-differs", severity: "warning", at: jwt.at, ...words }];
  });
}

function tlsDiffers(
  { issuer, jwks }: JwtProvider,
  services: Services,
): Pick<Diagnostic, "message" | "hint"> | undefined {
  if (jwks.kind !== "remote") return undefined;
  const service = services.get(jwks.service);
  const part = jwks.subset === undefined ? service : service?.subsets.find(({ name }) => name === jwks.subset);
  if (part === undefined) return undefined;
  const [saysTls, hasTls] = [/^https:/i.test(jwks.uri), part.policy.tls !== undefined];
  if (saysTls === hasTls) return undefined;
  const keys = `the keys of \`${issuer}\` are fetched`;
  return saysTls
    ? {
        message: `${keys} without TLS, though their \`uri\` is https: \`${jwks.service}\` has no \`tls\``,
        hint: `write \`tls: { ca: … }\` at the service \`${jwks.service}\``,
      }
    : {
        message: `${keys} with TLS, though their \`uri\` is http: \`${jwks.service}\` has \`tls\``,
        hint: "write `https:` in `uri`, or name a service without `tls`",
      };
}
