// What the compiler adds to every file of the project: see `compilerOptions` in deno.json. It stands between them for
// the time when there is no such file: that is no error, only nothing completes.
// @ts-ignore: it may be missing
import type {} from "../../schemas/_types.d.ts";
