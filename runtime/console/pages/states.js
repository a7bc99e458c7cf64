import { el } from "./el.js";
import { Chip } from "./parts.js";

/** Tone and words of each state of a function. */
const STATES = {
  idle: ["", "idle"],
  ok: ["ok", "working"],
  retrying: ["warn", "retrying"],
  failing: ["bad", "failing"],
  "breaker-open": ["bad", "breaker open"],
  paused: ["hold", "paused"],
  behind: ["warn", "behind"],
  unknown: ["", "unknown"],
};
/** Trouble first. */
const ORDER = ["failing", "breaker-open", "retrying", "behind", "paused", "unknown", "ok", "idle"];

export const toneOf = (state) => STATES[state]?.[0] ?? "";
const wordOf = (state) => STATES[state]?.[1] ?? state;
export const rankOf = (state) => ORDER.indexOf(state);
export const isTrouble = (state) => ["failing", "breaker-open", "retrying", "behind"].includes(state);

/** The state of a function. */
export function StateChip({ state }) {
  return el(Chip, { tone: toneOf(state) }, wordOf(state));
}

const OUTCOMES = {
  published: ["info", "published"],
  ack: ["ok", "ack"],
  skipped: ["", "skipped"],
  retry: ["warn", "retry"],
  deferred: ["hold", "deferred"],
  "dead-letter": ["bad", "dead letter"],
  "lease-expired": ["warn", "lease expired"],
};

export const outcomeTone = (outcome) => OUTCOMES[outcome]?.[0] ?? "";

/** The outcome of an attempt. */
export function OutcomeChip({ outcome, title }) {
  return el(Chip, { tone: outcomeTone(outcome), title }, OUTCOMES[outcome]?.[1] ?? outcome);
}
