// deno-fmt-ignore-file
// Written by `deno task types`, and by `dev`: the files whose events complete in `on: "…"`.
declare module "weir" {
  interface SchemaFiles {
    // @ts-ignore: the file may be deleted
    "orders.ts": typeof import("./orders.ts");
    // @ts-ignore: the file may be deleted
    "payments.ts": typeof import("./payments.ts");
    // @ts-ignore: the file may be deleted
    "stock.ts": typeof import("./stock.ts");
  }
}
export {};
