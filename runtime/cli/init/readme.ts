import type { WeirDependency } from "./weir_dependency.ts";

const UPGRADE: Readonly<Record<WeirDependency["kind"], string>> = {
  folder: "1. In `deno.json`, change the folder in `links`: it is the only line that names its location.",
  version: "1. In `deno.json`, change the version of `weir` in `imports`: it is the only line that names one.",
};

/** Returns the text of `README.md`: how to run the project, its folders, and how to upgrade Weir. */
export function readme(name: string, weir: WeirDependency): string {
  return `# ${name}

Event functions on NATS JetStream, run by Weir on Deno 2.9. On a machine with only Node, write \`npx -y deno@2.9 task\`
for \`deno task\`.

\`\`\`sh
deno task dev    # runs everything on this machine, with a nats-server, and reloads saved files
deno task test   # runs the tests
deno task ok     # checks format, lint and types, then runs the tests
\`\`\`

While \`dev\` runs, in another terminal:

\`\`\`sh
curl -i http://127.0.0.1:8000/users -H 'content-type: application/json' -d '{"userId":"u1","email":"ada@example.com"}'
deno task events tail   # shows events and their outcomes
\`\`\`

- \`schemas/\` declares the events, each with the schema of its data.
- \`functions/\` has a function in each file. \`deno task new NAME --on TYPE\` writes another, with its test.
- \`tests/\` holds the tests.
- \`deploy/\` holds the image, which \`deno task image\` builds, and a compose file that runs it beside a NATS.

In production, \`deno task start\` takes its configuration from the environment: \`NATS_URL\` names the servers,
\`WEIR_API_KEYS\` the publishers. \`deno task\` lists every command, and each explains itself with \`--help\`.

## Upgrading Weir

${UPGRADE[weir.kind]}
2. \`deno install\` brings \`deno.lock\` up to date.
3. \`deno task ok\` checks everything, and \`deno run --allow-env --allow-read weir/cli --version\` shows the version that
   runs.
`;
}
