import { importOf } from "../new/templates.ts";

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
  "tests/functions/welcomeUser_test.ts": `import assert from "node:assert/strict";
${importOf(["invoke"], "weir/testing")}
${importOf([], "../../functions/welcomeUser.ts", "welcomeUser")}

Deno.test("welcomeUser welcomes a user who signed up", async () => {
  const { outcome, emitted } = await invoke(welcomeUser, { userId: "u1", email: "ada@example.com" });
  assert.deepEqual(outcome, { kind: "ack" });
  assert.deepEqual(emitted.map(({ type, data }) => ({ type, data })), [
    { type: "users.welcomed", data: { userId: "u1" } },
  ]);
});
`,
};
