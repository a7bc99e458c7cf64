// `compilerOptions.types` in deno.json adds this file to every file of the project. It tolerates a project without
// `schemas/_types.d.ts`, in which no type completes.
// @ts-ignore: it may be missing
import type {} from "../../schemas/_types.d.ts";
