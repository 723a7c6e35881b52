/**
 * `lua`: scripts that Envoy runs for each request and answer.
 *
 * Fairway reads them and never runs them.
 */
import * as z from "zod";
import { resolveFile } from "./build-secret.ts";
import type { Place } from "./diagnostic.ts";
import { examineLua } from "./examine-lua.ts";
import type { Outside, PartSite } from "./filter-part.ts";
import { filterPart } from "./filter-part.ts";
import { placeOf } from "./position.ts";
import { block, refuse, scalar } from "./schema-scalars.ts";

/** Scripts of which each changes requests, answers or both. */
export interface Lua {
  /** In the order in which they see a request; they see its answer the other way round. Never empty. */
  readonly scripts: readonly LuaScript[];
}

export type LuaScript =
  | { readonly kind: "code"; readonly code: string }
  /** Not read yet. */
  | { readonly kind: "file"; readonly path: string; readonly at: Place };

/** Each is a filter of its own in the chain; whoever has more puts them into one. */
export const LUA_SCRIPTS_MAX = 4;

const scriptShape = {
  inline: z
    .string({ error: "text" })
    .optional()
    .meta({
      description: "The script itself.",
      examples: ['function envoy_on_response(handle) handle:headers():add("x-a", "b") end'],
    }),
  file: scalar("text").optional().describe("A file beside Fairway, relative to this config file; watched."),
};

const script = block(scriptShape)
  .superRefine((value, context) => refuseScript(value, context))
  .describe("One script.");

const schema = block({
  ...scriptShape,
  scripts: z
    .array(script)
    .min(1)
    .max(LUA_SCRIPTS_MAX)
    .optional()
    .describe("Several scripts, in the order in which they see a request."),
})
  .superRefine((value, context) => {
    if (value.scripts === undefined) {
      refuseScript(value, context);
      return;
    }
    const stray = (["inline", "file"] as const).find((key) => value[key] !== undefined);
    if (stray === undefined) return;
    const message = `\`${stray}\` stands beside \`scripts\``;
    refuse(context, { code: "invalid-value", message, hint: "move it into the `scripts`", path: [stray] });
  })
  .meta({
    description: "Scripts that Envoy runs for each request and answer; Fairway never runs them.",
    examples: [{ file: "scripts/stamp.lua" }],
  });

type WrittenScript = { readonly [Key in keyof typeof scriptShape]?: string | undefined };

export const lua = filterPart({
  schema,
  build: ({ scripts, ...own }, { document, path }): Lua => ({
    scripts:
      scripts === undefined
        ? [buildScript(own, { document, path })]
        : scripts.map((each, index) => buildScript(each, { document, path: [...path, "scripts", index] })),
  }),
  files: [["file"], ["scripts", "*", "file"]],
  fill: (settings, outside) => ({ scripts: settings.scripts.map((each) => readScript(each, outside)) }),
});

function refuseScript({ inline, file }: WrittenScript, context: z.core.$RefinementCtx): void {
  if ((inline === undefined) === (file === undefined)) {
    const code = inline === undefined ? "missing-key" : "invalid-value";
    const hint = inline === undefined ? "for example `{ file: scripts/stamp.lua }`" : "keep one of them";
    refuse(context, { code, message: "exactly one of inline, file is needed", hint });
    return;
  }
  const problem = inline === undefined ? undefined : examineLua(inline);
  if (problem === undefined) return;
  const { message, hint } = problem;
  refuse(context, { code: "invalid-lua", message: `the script ${message}`, hint, path: ["inline"] });
}

function buildScript({ inline, file }: WrittenScript, { document, path }: PartSite): LuaScript {
  if (file === undefined) return { kind: "code", code: inline ?? "" };
  return { kind: "file", path: resolveFile(document, file), at: placeOf(document, [...path, "file"], "value") };
}

function readScript(each: LuaScript, outside: Outside): LuaScript {
  if (each.kind === "code") return each;
  const { path, at } = each;
  const code = outside.file(path, at);
  if (code === undefined) return each;
  const problem = examineLua(code);
  if (problem === undefined) return { kind: "code", code };
  const { message, hint } = problem;
  outside.report({ code: "invalid-lua", severity: "error", message: `${path} ${message}`, hint, at });
  return each;
}
