/**
 * Whether the configs of `extensions` are what their `@type` says, and what Envoy would refuse about them.
 */
import type { EnvoyApi } from "./envoy-api.ts";
import { problemSentence } from "./envoy-problem.ts";
import { examineMessage } from "./examine-message.ts";
import type { WrittenParts } from "./filter-parts.ts";
import type { JsonValue } from "./intent.ts";
import type { Path, Problem } from "./position.ts";
import { envoyPage, explainRefused } from "./check-raw-resource.ts";
import { present } from "../support/assert.ts";

/** A config is examined where it will stand, because not every message may stand there. */
const filterType = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter";
const anywhere = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";

type Typed = { readonly [key: string]: unknown };

/** The problems of one policy, or of one of a rule's filters; `path` is that of the policy or filter. */
export function checkExtensions(api: EnvoyApi, path: Path, { extensions }: WrittenParts): readonly Problem[] {
  if (extensions === undefined || extensions === "none") return [];
  return extensions.flatMap(({ typedConfig, routeConfig }, index) => {
    const at = [...path, "extensions", index];
    return [
      ...examine(api, { at: [...at, "typedConfig"], typed: typedConfig, holder: filterType }),
      ...(routeConfig === undefined
        ? []
        : examine(api, { at: [...at, "routeConfig"], typed: routeConfig, holder: anywhere })),
    ];
  });
}

function examine(
  api: EnvoyApi,
  { at, typed, holder }: { readonly at: Path; readonly typed: Typed; readonly holder: string },
): readonly Problem[] {
  const type = present(api.descriptor(holder), "the Envoy API has it");
  // Values of documents are JSON.
  const message = { name: "extension", typed_config: typed as JsonValue };
  const encoded = api.encode(holder, message);
  const problems = encoded.ok
    ? examineMessage(api, type, encoded.value.message).map((problem): Problem => ({
        ...problem,
        message: problemSentence(problem),
        path: problem.path,
        at: "value",
      }))
    : explainRefused(api, type, [], message);
  const own = api.descriptor(String(typed["@type"]));
  const page = own === undefined ? undefined : envoyPage(own);
  return problems.map((problem) => {
    // The first step is the field of the holder.
    const here = { ...problem, path: [...at, ...problem.path.slice(1)] };
    return here.hint === undefined && page !== undefined ? { ...here, hint: `see ${page}` } : here;
  });
}
