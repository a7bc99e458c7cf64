/** How whoever runs this calls Deno: where npx has fetched it, there is no `deno` to type. */
export const THIS_DENO: string = /[\\/]_npx[\\/]/.test(Deno.execPath()) ? "npx -y deno@2.9" : "deno";
