/**
 * Which of Envoy's extensions run or ask for code that is neither Envoy's nor Fairway's.
 *
 * Fairway never runs any of it; it marks it wherever people look at what is in force or what changes.
 */

/** By a part of the type's name, in any kind of filter, logger or router. */
const kinds: readonly (readonly [pattern: RegExp, kind: string])[] = [
  [/\.lua\.v3\./, "Lua"],
  [/\.wasm\.v3\./, "WebAssembly"],
  [/\.ext_proc\.v3\./, "external processing"],
  [/\.golang\.v3alpha\./, "Go"],
  [/\.dynamic_modules\.v3\./, "dynamic module"],
];

/** What kind of code a config of this type brings; undefined when it is Envoy's own. */
export function extensionCode(typeUrl: string): string | undefined {
  return kinds.find(([pattern]) => pattern.test(typeUrl))?.[1];
}
