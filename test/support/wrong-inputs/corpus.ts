/**
 * All wrong inputs together.
 */
import { resources } from "./resources.ts";
import { routing } from "./routing.ts";
import type { WrongInput } from "./row.ts";
import { services } from "./services.ts";
import { syntax } from "./syntax.ts";

/** By what they are about. */
export const corpus: readonly (readonly [title: string, inputs: readonly WrongInput[]])[] = [
  ["syntax", syntax],
  ["services", services],
  ["routing", routing],
  ["resources and patches", resources],
];
