import assert from "node:assert/strict";
import { withEvents } from "../../../runtime/cli/new/events.ts";

const head = (source: string) => withEvents(source, []).trimEnd();

for (
  const [what, source, result] of [
    ["an empty file", "", 'import { defineEvent } from "weir";\nimport { z } from "zod";'],
    [
      "a file with both",
      'import { defineEvent } from "weir";\nimport * as z from "zod";',
      'import { defineEvent } from "weir";\nimport * as z from "zod";',
    ],
    [
      "a file that imports another name from weir",
      'import { type EventDefinition } from "weir";\nimport { z } from "zod";',
      'import { defineEvent } from "weir";\nimport { type EventDefinition } from "weir";\nimport { z } from "zod";',
    ],
    [
      "a file that imports other things, and zod under another name",
      'import { A } from "npm:a";\nimport zod from "zod";\nimport { b } from "./b.ts";\n\nconst a = 1;',
      'import { defineEvent } from "weir";\nimport { z } from "zod";\nimport { A } from "npm:a";\nimport zod from "zod";\n' +
      'import { b } from "./b.ts";\n\nconst a = 1;',
    ],
    [
      "a file that begins with a comment",
      "// deno-lint-ignore-file\n\nconst a = 1;",
      '// deno-lint-ignore-file\nimport { defineEvent } from "weir";\nimport { z } from "zod";\n\nconst a = 1;',
    ],
  ] as const
) {
  Deno.test(`withEvents adds missing imports, and no others, to ${what}`, () => assert.equal(head(source), result));
}
