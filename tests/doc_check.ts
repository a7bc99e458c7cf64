/**
 * Fails when a public symbol of the project is not documented. `deno doc --lint` also refuses every mention of
 * another package's type, which cannot be helped: those are the ones let through here, by name.
 */
const THEIRS = ["SomeType", "input", "output", "Span"];

const { stderr } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", "runtime/mod.ts", "runtime/testing.ts"],
  env: { NO_COLOR: "1" },
}).output();
const problems = new TextDecoder().decode(stderr).split(/(?=^error\[)/m)
  .filter((text) => text.startsWith("error["))
  .filter((text) => !THEIRS.some((type) => text.includes(`references private type '${type}'`)));
console.log(problems.join(""));
console.log(`${problems.length} public symbols need documentation`);
if (problems.length > 0) Deno.exit(1);
