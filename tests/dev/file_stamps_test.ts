import assert from "node:assert/strict";
import { FileStamps } from "../../runtime/dev/file_stamps.ts";
import { temporaryDirectory } from "../support/temporary.ts";

Deno.test("FileStamps finds files that were written, removed, replaced or brought back since", async () => {
  await using folder = await temporaryDirectory();
  const at = (file: string) => `${folder.path}/${file}`, write = (file: string) => Deno.writeTextFile(at(file), "x");
  const files = ["kept.ts", "written.ts", "removed.ts", "replaced.ts", "back.ts", "never.ts"];
  for (const file of files.slice(0, 4)) await write(file);
  for (const file of files.slice(0, 4)) await Deno.utime(at(file), 1_000, 1_000);
  const stamps = new FileStamps(folder.path, files);
  assert.deepEqual(stamps.changed(files), []);
  await write("written.ts");
  await Deno.remove(at("removed.ts"));
  await write("other.ts");
  await Deno.utime(at("other.ts"), 1_000, 1_000);
  await Deno.rename(at("other.ts"), at("replaced.ts"));
  await write("back.ts");
  assert.deepEqual(stamps.changed(files), ["written.ts", "removed.ts", "replaced.ts", "back.ts"]);
});

Deno.test("FileStamps counts a file of which it has no state if it was written later", async () => {
  await using folder = await temporaryDirectory();
  for (const [file, seconds] of [["old.ts", 1_000], ["new.ts", Date.now() / 1_000 + 60]] as const) {
    await Deno.writeTextFile(`${folder.path}/${file}`, "x");
    await Deno.utime(`${folder.path}/${file}`, seconds, seconds);
  }
  assert.deepEqual(new FileStamps(folder.path, []).changed(["old.ts", "new.ts", "none.ts"]), ["new.ts"]);
});
