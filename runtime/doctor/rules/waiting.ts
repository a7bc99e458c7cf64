import { known } from "../facts.ts";
import type { Found, Rule } from "../rule.ts";
import { percent, size } from "../format.ts";

const NEARLY_FULL = 80;

/** What waits for somebody, and how much room there is for more. */
export const WAITING: readonly Rule[] = [
  {
    id: "account-limits",
    area: "waiting",
    holds: `the NATS account has used no more than ${NEARLY_FULL} % of what it may`,
    why: "at its limit nothing is stored, whatever the streams themselves would take",
    fix: "raise the limits of the account, or remove what nobody needs",
    find: ({ account }) => {
      const { tiers, ...whole } = known(account);
      const tiered = Object.entries(tiers ?? {}).flatMap(([name, tier]) =>
        tier ? [[` (tier ${name})`, tier] as const] : []
      );
      return [["", whole] as const, ...tiered].flatMap(([tier, { memory, storage, streams, consumers, limits }]) => {
        const counts = [
          ["storage", storage, limits.max_storage, size],
          ["memory", memory, limits.max_memory, size],
          ["streams", streams, limits.max_streams, String],
          ["consumers", consumers, limits.max_consumers, String],
        ] as const;
        return counts.filter(([, has, most]) => most > 0 && percent(has, most) > NEARLY_FULL).map((
          [what, has, most, say],
        ): Found => ({
          severity: has >= most ? "error" : "warning",
          what: `the account has used ${percent(has, most)} % of its ${what}${tier}: ${say(has)} of ${say(most)}`,
          fix: `raise the account's limit of ${what}, or remove what nobody needs`,
        }));
      });
    },
  },
  {
    id: "sized-streams",
    area: "waiting",
    holds: "the account takes streams that name no size",
    why: "an account that wants max_bytes refuses to make a stream without it, and `start` exits with 1",
    fix: "`maxBytes` in defineStream; DEAD_LETTERS and RETRIES made by hand before the first start",
    find: ({ account, project, streams }) => {
      if (!known(account).limits.max_bytes_required) return [];
      const unsized = known(project).streams.filter(({ name, maxBytes }) => !maxBytes && !known(streams).has(name));
      return unsized.map(({ name }) => ({
        severity: "error",
        what: `the account wants a max_bytes of every stream, and ${name} declares none`,
        fix: `defineStream({ name: "${name}", maxBytes: 1_073_741_824 }) in schemas/`,
      }));
    },
  },
  {
    id: "dead-letters",
    area: "waiting",
    holds: "no dead letter waits for somebody",
    why: "each is an event that was not handled",
    fix: "`deno task dead-letters list`, then `redrive` or `discard`",
    find: ({ deadLetters }) => {
      const { count, oldestAt, read, reasons } = known(deadLetters);
      if (count === 0) return [];
      const said = Object.entries(reasons).map(([reason, n]) => `${n} ${reason}`).join(", ");
      const of = read < count ? ` (of the first ${read})` : "";
      return [{
        severity: "info",
        what: `${count} dead ${
          count === 1 ? "letter waits" : "letters wait"
        }, the oldest since ${oldestAt}: ${said}${of}`,
        fix: "deno task dead-letters list; then redrive or discard",
      }];
    },
  },
  {
    id: "delayed-retries",
    area: "waiting",
    holds: "no retry is delayed",
    why: "each is an event that failed and is tried again later",
    fix: "`deno task retries list`",
    find: ({ delayedRetries }) => {
      const waiting = [...known(delayedRetries)].filter(([, count]) => count > 0);
      if (waiting.length === 0) return [];
      const said = waiting.map(([name, count]) => `${count} of ${name}`).join(", ");
      return [{ severity: "info", what: `delayed retries: ${said}`, fix: "deno task retries list" }];
    },
  },
];
