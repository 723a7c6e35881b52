/**
 * Which routes are on a gateway, by what they name.
 */
import { expect, it } from "vitest";
import { isAttached, routesOn } from "../../../src/translate/group-scope.ts";
import { gateway, place, route } from "../../support/build-intent.ts";

const [http, admin] = ["http", "admin"].map((name, index) => ({ name, at: place(), port: 10_000 + index }));
const listeners = [http, admin].filter((listener) => listener !== undefined);
const shop = gateway("shop", { listeners });
const on = (name: string, ...gateways: readonly string[]) => route(name, [], { gateways });

it("gives the routes of a gateway in the order of the list, each once, however they name it", () => {
  const routes = [
    on("admin", "shop/admin"),
    on("other", "blog", "shopping"),
    on("both", "shop/admin", "shop", "shop/http"),
    on("all", "blog", "shop"),
    on("http", "shop/http"),
  ];
  expect(routesOn(shop, routes).map(({ name }) => name)).toEqual(["admin", "both", "all", "http"]);
  const attached = listeners.map((listener) =>
    routes.filter((each) => isAttached(each, shop, listener)).map(({ name }) => name),
  );
  expect(attached).toEqual([
    ["both", "all", "http"],
    ["admin", "both", "all"],
  ]);
});
