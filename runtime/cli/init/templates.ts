import { importOf } from "../new/templates.ts";
import { START_OPTIONS } from "./deno_json.ts";
import type { WeirDependency } from "./weir_dependency.ts";

export const EXAMPLE: Readonly<Record<string, string>> = {
  "schemas/users.ts": `${importOf(["defineEvent"], "weir")}
${importOf(["z"], "zod")}

/** A user signed up. */
export const UserSignedUp = defineEvent({
  type: "users.signed_up",
  version: 1,
  data: z.object({ userId: z.string(), email: z.email() }),
  ingress: { route: "/users" }, // accepted from outside; without this only functions emit it
});

/** The user was welcomed. */
export const UserWelcomed = defineEvent({
  type: "users.welcomed",
  version: 1,
  data: z.object({ userId: z.string() }),
});
`,
  "functions/welcomeUser.ts": `${importOf(["defineFunction"], "weir")}
${importOf(["UserSignedUp", "UserWelcomed"], "../schemas/users.ts")}

/** Welcomes each new user. */
export default defineFunction({
  on: UserSignedUp,
  emits: [UserWelcomed],
}, (event, ctx) => {
  const { userId, email } = event.data; // typed, and validated by the schema before this runs
  ctx.log.info("welcome", { email });
  ctx.emit(UserWelcomed, { userId }); // stored before the event is acked; discarded if this throws
});
`,
  "tests/functions/welcomeUser_test.ts": `${importOf(["assertAcked", "assertEmitted", "invoke"], "weir/testing")}
${importOf([], "../../functions/welcomeUser.ts", "welcomeUser")}
${importOf(["UserWelcomed"], "../../schemas/users.ts")}

Deno.test("welcomeUser welcomes a user who signed up", async () => {
  const result = await invoke(welcomeUser, { userId: "u1", email: "ada@example.com" });
  assertAcked(result);
  assertEmitted(result, UserWelcomed, { userId: "u1" });
});
`,
};

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
                 # with the variables in .env: deno task --env-file dev
deno task test   # runs the tests
deno task ok     # checks format, lint and types, then runs the tests; \`deno fmt\` mends the format
\`\`\`

While \`dev\` runs, in another terminal, with the port that \`dev\` prints: 8000, unless it is taken.

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

/** Returns the text of `deploy/Dockerfile`: a stage that downloads and checks, and a stage that runs. */
export function dockerfile(image: string, weir: WeirDependency): string {
  const [context, installed, copiedAgain] = weir.kind === "folder"
    ? [
      "# Weir is a folder outside the project. The task passes it to the build as the context `weir`.\n",
      `COPY --from=weir . /weir
# deno.lock also names what the checkout around that folder links. \`deno install\` takes it out, and changes no version.
RUN sed -i 's|"links": *\\[[^]]*\\]|"links": ["/weir"]|' deno.json && deno install`,
      "COPY --from=build /weir /weir\n",
    ]
    : ["", "RUN deno install --frozen", ""];
  return `# Build it with \`deno task image\`: the image is called ${image}.
${context}# One image serves every role: WEIR_ROLES and WEIR_FUNCTIONS select what a container runs.

FROM denoland/deno:debian-2.9.6 AS build
WORKDIR /app
ENV DENO_DIR=/deno
# Dependencies come first: this layer is rebuilt only when they change.
COPY deno.json deno.lock ./
${installed}
COPY schemas schemas
COPY functions functions
# A running container downloads and compiles nothing, so code that does not compile fails here.
RUN echo 'import "weir/cli";' > cli.ts \\
 && deno cache --check --frozen cli.ts $(find schemas functions -name '*.ts') \\
 && rm cli.ts
# Stores compiled code, which a read-only container cannot: its start takes a third less processor time. V8's flags are
# those of the start. The runs after the first store the rest, and the statistics without which SQLite opens no cache
# that is read-only.
RUN for run in 1 2 3; do \\
  deno run --cached-only --frozen ${START_OPTIONS.join(" ")} \\
  --allow-net --allow-env --allow-read weir/cli start --help; done

# The binary needs glibc, so no Alpine.
FROM debian:bookworm-slim
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends ca-certificates tini \\
 && rm -rf /var/lib/apt/lists/* \\
 && useradd --system --uid 10001 --create-home weir
COPY --from=build /usr/bin/deno /usr/local/bin/deno
COPY --from=build --chown=weir /deno /deno
${copiedAgain}COPY --from=build /app /app
WORKDIR /app
USER weir
# DENO_USE_CGROUPS bounds the heap by the memory limit of the container. Without it the kernel kills the process.
# MALLOC_ARENA_MAX bounds what glibc keeps for each thread, some 20 MB in all.
ENV DENO_USE_CGROUPS=1 MALLOC_ARENA_MAX=2 DENO_DIR=/deno NO_COLOR=1 LOG_FORMAT=json PORT=8000 ADMIN_PORT=9090
EXPOSE 8000 9090
# Only a process whose event loop stands still is unhealthy: while NATS is down a restart would not help.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["bash", "-c", \\
  "exec 3<>/dev/tcp/127.0.0.1/$ADMIN_PORT && printf 'GET /health/live HTTP/1.0\\\\r\\\\nHost: localhost\\\\r\\\\n\\\\r\\\\n' >&3 && read -r _ code _ <&3 && [ \\"$code\\" = 200 ]"]
# tini is PID 1 and forwards signals. Deno is its direct child, so no wrapper swallows them.
ENTRYPOINT ["tini", "--", "deno", "run", "--cached-only", "--frozen", \\
  ${START_OPTIONS.map((option) => `"${option}"`).join(", ")}, \\
  "--allow-net", "--allow-env", "--allow-read", "--allow-sys=systemMemoryInfo", "--allow-run=deno"]
CMD ["weir/cli", "start"]
`;
}

/** Returns the text of `deploy/compose.yaml`: the image beside a nats-server. */
export function compose(image: string): string {
  return `# The image beside a NATS, on loopback only: deno task image && docker compose -f deploy/compose.yaml up
services:
  nats:
    image: nats:2.14-alpine
    command: ["--jetstream", "--store_dir", "/data", "--http_port", "8222"]
    volumes: ["jetstream:/data"]
    healthcheck:
      test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8222/healthz?js-enabled-only=true"]
      interval: 2s
      timeout: 2s
      retries: 15

  app:
    image: ${image}
    depends_on:
      nats: { condition: service_healthy }
    environment:
      NATS_URL: nats://nats:4222
      OTEL_SERVICE_NAME: ${image}
      # Publishers of events, as NAME:SECRET, separated by commas.
      WEIR_API_KEYS: \${WEIR_API_KEYS:-demo:demo-secret}
      SHUTDOWN_GRACE: 25s
    ports: ["127.0.0.1:8000:8000"]
    stop_grace_period: 35s
    restart: on-failure

volumes:
  jetstream:
`;
}
