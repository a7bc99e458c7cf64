/** Prints the packages of `deno.lock` as a software bill of materials, in CycloneDX 1.6. Arguments: name, version. */
interface Lock {
  readonly npm?: Readonly<Record<string, { readonly integrity: string }>>;
}

const [name = "weir", version = "unknown"] = Deno.args;
const { npm = {} }: Lock = JSON.parse(await Deno.readTextFile("deno.lock"));
const components = Object.entries(npm).map(([key, { integrity }]) => {
  const [, packageName, packageVersion] = /^(@?[^@]+)@([^_]+)/.exec(key)!; // peers follow after "_"
  const [algorithm, digest] = integrity.split("-", 2), bytes = Uint8Array.fromBase64(digest);
  const purl = `pkg:npm/${packageName.replace("@", "%40")}@${packageVersion}`;
  return {
    type: "library",
    "bom-ref": `${purl}#${key}`,
    name: packageName,
    version: packageVersion,
    purl,
    hashes: [{ alg: algorithm.toUpperCase().replace("SHA", "SHA-"), content: bytes.toHex() }],
  };
});
const deno = { type: "platform", "bom-ref": "deno", name: "deno", version: Deno.version.deno };
const metadata = { component: { type: "application", "bom-ref": name, name, version } };
const bom = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1, metadata, components: [deno, ...components] };
console.log(JSON.stringify(bom, null, 2));
