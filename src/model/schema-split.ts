/**
 * `splits`: backends and their weights, apart from the routes that use them.
 *
 * The file owns the backends, the weights until somebody sets others, and how far those may go; the weights of the
 * moment are set by `fairway split` and are in no file.
 */
import * as z from "zod";
import { backendFilters } from "./schema-filter.ts";
import { block, name, refuse, scalar, weight } from "./schema-scalars.ts";

const percent = z.number().min(0).max(100);

const limit = block({
  max: percent.optional().describe("The largest share in percent that this backend may be set to."),
  maxStep: percent.optional().describe("How much in percent a share may grow at once; to shrink is always allowed."),
}).meta({ description: "How far the weight of one backend may go.", examples: [{ max: 50, maxStep: 20 }] });

const sticky = block({
  header: scalar("headerName").optional().describe("A header that says who the user is."),
  cookie: scalar("cookieName")
    .optional()
    .describe("A cookie that says who the user is; whoever comes without it is given one."),
})
  .superRefine((value, context) => {
    const written = Object.values(value).filter((each) => each !== undefined).length;
    if (written === 1) return;
    const hint = "for example `{ cookie: canary-id }`, or `{ header: x-user }`";
    const message = written === 0 ? "one of `header` and `cookie` is needed" : "users are told by one thing";
    refuse(context, { code: written === 0 ? "missing-key" : "invalid-value", message, hint });
  })
  .meta({ description: "Who keeps their backend while weights change.", examples: [{ cookie: "canary-id" }] });

export const splitSchema = block({
  backends: z
    .record(
      name,
      block({
        service: name.describe("The service that gets the requests."),
        subset: name.optional().describe("One subset of the service."),
        filters: backendFilters.optional(),
      }),
    )
    .describe("Backends by a name that weights are given to."),
  default: z.record(name, weight).meta({ description: "The weights until something else sets them; 0 when absent." }),
  limits: z
    .record(name, limit)
    .optional()
    .meta({ description: "By backend: how far `fairway split set` may go. It may go anywhere when absent." }),
  sticky: sticky.optional(),
  onLeaseExpiry: z.enum(["default", "keep"]).optional().meta({
    description:
      "What becomes of weights whose lease nobody renewed: default: those of `default` again; keep: they stay. default when absent.",
  }),
})
  .superRefine((split, context) => {
    const weights = Object.values(split.default);
    if (weights.every((share) => share === 0)) {
      const hint = "give one backend a weight above 0";
      refuse(context, {
        code: "invalid-value",
        message: "the weights of a split must not all be 0",
        hint,
        path: ["default"],
      });
    }
  })
  .meta({
    description: "Backends and their weights, apart from the routes that use them.",
    examples: [{ backends: { a: { service: "shop" } }, default: { a: 100 } }],
  });
