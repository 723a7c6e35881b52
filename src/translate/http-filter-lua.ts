/**
 * Scripts: envoy.filters.http.lua, one filter for each place in a list of them.
 *
 * The scripts are in the routes, so that an edit drains no connection; the filters in the chain hold none.
 */
import type { LuaJson, LuaPerRouteJson } from "../gen/envoy/extensions/filters/http/lua/v3/lua_pb.d.ts";
import { LUA_SCRIPTS_MAX } from "../model/filter-lua.ts";
import type { HttpFilterKind } from "./http-filter.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const empty: LuaJson = {};

/** In the order in which they see requests. */
export const luaFilters: readonly HttpFilterKind<"lua">[] = Array.from({ length: LUA_SCRIPTS_MAX }, (_, index) =>
  luaFilter(index),
);

function luaFilter(index: number): HttpFilterKind<"lua"> {
  return httpFilter({
    name: `envoy.filters.http.lua${index === 0 ? "" : `.${index + 1}`}`,
    part: "lua",
    chain: { one: "for all", config: packAny("envoy.extensions.filters.http.lua.v3.Lua", empty) },
    route: ({ scripts }) => {
      const script = scripts[index];
      if (script?.kind !== "code") return undefined;
      const perRoute: LuaPerRouteJson = { sourceCode: { inlineString: script.code } };
      return packAny("envoy.extensions.filters.http.lua.v3.LuaPerRoute", perRoute);
    },
  });
}
