// deno-fmt-ignore-file
// Written by `deno task types`, and by `dev`: the files whose events complete in `on: "…"`.
declare module "weir" {
  interface SchemaFiles {
    // @ts-ignore: it may be gone by now
    "orders.ts": typeof import("./orders.ts");
    // @ts-ignore: it may be gone by now
    "payments.ts": typeof import("./payments.ts");
    // @ts-ignore: it may be gone by now
    "stock.ts": typeof import("./stock.ts");
  }
}
export {};
