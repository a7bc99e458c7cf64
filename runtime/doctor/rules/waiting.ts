import { known } from "../facts.ts";
import { NEARLY_FULL, percent, size } from "../format.ts";
import { type Rule, rulesOf, type Violation } from "../rule.ts";

export const WAITING: readonly Rule[] = rulesOf("waiting", [
  {
    id: "account-limits",
    holds: `the NATS account uses no more than ${NEARLY_FULL} % of its limits`,
    why: "At a limit of the account JetStream stores no event, even if the stream has room.",
    fix: "raise the limits of the account, or delete streams and messages",
    find: ({ account }) => {
      const { tiers, ...whole } = known(account);
      const tiered = Object.entries(tiers ?? {}).flatMap(([name, tier]) =>
        tier ? [[` (tier ${name})`, tier] as const] : []
      );
      return [["", whole] as const, ...tiered].flatMap(([tier, { memory, storage, streams, consumers, limits }]) => {
        const usages = [
          ["storage", storage, limits.max_storage, size],
          ["memory", memory, limits.max_memory, size],
          ["streams", streams, limits.max_streams, String],
          ["consumers", consumers, limits.max_consumers, String],
        ] as const;
        return usages.filter(([, used, limit]) => limit > 0 && percent(used, limit) > NEARLY_FULL)
          .map(([of, used, limit, format]): Violation => ({
            severity: used >= limit ? "error" : "warning",
            what: `the account uses ${percent(used, limit)} % of its ${of}${tier}: ${format(used)} of ${format(limit)}`,
          }));
      });
    },
  },
  {
    id: "sized-streams",
    severity: "error",
    holds: "the account allows streams without max_bytes",
    why: "An account that requires max_bytes refuses to create a stream without it, and `start` exits with 1.",
    fix: "`maxBytes` in defineStream; create DEAD_LETTERS and RETRIES by hand before the first start",
    find: ({ account, project, streams, names }) => {
      if (!known(account).limits.max_bytes_required) return [];
      const unsized = known(project).streams.filter(({ name, maxBytes }) =>
        !maxBytes && !known(streams).has(names.stream(name))
      );
      return unsized.map(({ name }) => ({
        what: `the account requires max_bytes for every stream, and ${name} declares none`,
      }));
    },
  },
  {
    id: "waiting-events",
    holds: "the project handles what waits in streams, retries and dead letters, and nothing of it again",
    why: "Events that the functions refuse become dead letters. Those of a renamed function are handled again.",
    fix: "as the finding says, before the release; `deno task plan --strict` in CI exits with 1 on it",
    find: ({ changes }) => known(changes).map((what) => ({ what })),
  },
  {
    id: "dead-letters",
    severity: "info",
    holds: "there are no dead letters",
    why: "Each dead letter is an event that was not handled.",
    fix:
      "`deno task dead-letters list`, then `redrive` or `discard`; what is `parked` returns after the first of its key",
    find: ({ deadLetters }) => {
      const { count, oldestAt, read, reasons } = known(deadLetters);
      if (count === 0) return [];
      const list = Object.entries(reasons).map(([reason, n]) => `${n} ${reason}`).join(", ");
      const part = read < count ? ` (of the first ${read})` : "";
      return [{
        what: `${count} dead ${count === 1 ? "letter" : "letters"}, the oldest of ${oldestAt}: ${list}${part}`,
      }];
    },
  },
  {
    id: "delayed-retries",
    severity: "info",
    holds: "no retry is delayed",
    why: "Each delayed retry is an event that failed and has attempts left, or that waits for its rate or its key.",
    fix: "`deno task retries list`",
    find: ({ delayedRetries }) => {
      const waiting = [...known(delayedRetries)].filter(([, count]) => count > 0);
      const list = waiting.map(([name, count]) => `${count} of ${name}`).join(", ");
      return list === "" ? [] : [{ what: `delayed retries: ${list}` }];
    },
  },
]);
