import type { StreamConfig } from "@nats-io/jetstream";
import assert from "node:assert/strict";
import { listenProblem, publishProblem, storedSubjects } from "../../../runtime/nats/topology/foreign_stream.ts";

type Given = Partial<StreamConfig>;

const ORIGINS = new Map<string, StreamConfig>([
  ["ORDERS", { subjects: ["orders.>"] } as StreamConfig],
  ["COPY", { mirror: { name: "ORDERS" } } as StreamConfig],
  ["LOOP", { sources: [{ name: "LOOP" }] } as StreamConfig],
]);

const stored: [what: string, config: Given, subjects: readonly string[] | undefined][] = [
  ["its own subjects", { subjects: ["a.>", "b"] }, ["a.>", "b"]],
  ["what its transform makes", { subjects: ["a.*"], subject_transform: { src: "a.*", dest: "b.{{wildcard(1)}}" } }, [
    "b.*",
  ]],
  [
    "also what its transform does not match",
    { subjects: ["a.*", "c"], subject_transform: { src: "a.>", dest: "b.>" } },
    [
      "c",
      "b.>",
    ],
  ],
  ["the old form of a transform", { subjects: ["a.*"], subject_transform: { src: "a.*", dest: "b.$1" } }, ["b.*"]],
  ["many tokens of a function that cuts", {
    subjects: ["a.*"],
    subject_transform: { src: "a.*", dest: "b.{{split(1,-)}}.c" },
  }, ["b.>"]],
  ["the subjects of a mirror's origin", { mirror: { name: "ORDERS" } }, ["orders.>"]],
  ["those of a mirror of a mirror", { mirror: { name: "COPY" } }, ["orders.>"]],
  ["a mirror's filter", { mirror: { name: "ORDERS", filter_subject: "orders.paid" } }, ["orders.paid"]],
  ["what a mirror's transforms make", {
    mirror: { name: "ORDERS", subject_transforms: [{ src: "orders.*", dest: "eu.>" }, { src: "x.y", dest: "" }] },
  }, ["eu.>", "x.y"]],
  ["its own and its sources' subjects", {
    subjects: ["a"],
    sources: [{ name: "ORDERS" }, { name: "X", filter_subject: "x" }],
  }, [
    "a",
    "orders.>",
    "x",
  ]],
  [
    "unknown ones of another account",
    { mirror: { name: "ORDERS", external: { api: "$JS.hub.API", deliver: "" } } },
    undefined,
  ],
  ["known ones of another account", {
    sources: [{ name: "O", filter_subject: "o.>", external: { api: "$JS.hub.API", deliver: "" } }],
  }, ["o.>"]],
  ["unknown ones of an origin that cannot be read", { subjects: ["a"], sources: [{ name: "SECRET" }] }, undefined],
  ["unknown ones of a circle", { sources: [{ name: "LOOP" }] }, undefined],
];
for (const [what, config, subjects] of stored) {
  Deno.test(`storedSubjects returns ${what}`, () => {
    assert.deepEqual(storedSubjects(config as StreamConfig, ORIGINS), subjects);
  });
}

const listens: [filters: string[], config: Given, problem: RegExp | undefined][] = [
  [["legacy.a"], { subjects: ["legacy.>"] }, undefined],
  [[">"], { subjects: ["legacy.>"] }, undefined],
  [["legacy.>"], { subjects: ["legacy.a", "other"] }, undefined],
  [["legacy.>", "billing.>"], { subjects: ["legacy.>"] }, /stores legacy\.>, and not billing\.>: correct the trigger/],
  [["legacy.*.sent"], { subjects: ["legacy.mail.>"] }, /and not legacy\.\*\.sent/],
  [["orders.paid"], { mirror: { name: "ORDERS" } }, undefined],
  [["stock.low"], { mirror: { name: "ORDERS" } }, /stores orders\.>, and not stock\.low/],
  [["any.thing"], { mirror: { name: "SECRET" } }, undefined],
];
for (const [filters, config, problem] of listens) {
  Deno.test(`listenProblem of ${filters.join(", ")} on ${JSON.stringify(config)} is ${problem ?? "none"}`, () => {
    const found = listenProblem(
      { functionName: "ship", consumer: "ship", stream: "LEGACY", filters },
      { config } as never,
      ORIGINS,
    );
    if (problem) assert.match(found ?? "", problem);
    else assert.equal(found, undefined);
  });
}

const publishes: [what: string, config: Given | undefined, problem: RegExp | undefined][] = [
  ["a stream that takes it", { subjects: ["a.>"] }, undefined],
  ["a missing stream", undefined, /which does not exist/],
  ["a mirror", { mirror: { name: "ORDERS" } }, /which mirrors ORDERS and stores nothing else/],
  ["a sealed stream", { subjects: ["a.>"], sealed: true }, /which is sealed/],
  ["a stream of other subjects", { subjects: ["b.>"] }, /which takes b\.>: its owner may add the subject/],
  ["a stream of sources alone", { sources: [{ name: "ORDERS" }] }, /which takes no subjects itself/],
  ["a stream without acks", { subjects: ["a.>"], no_ack: true }, /which has no_ack/],
];
for (const [what, config, problem] of publishes) {
  Deno.test(`publishProblem of ${what} is ${problem ?? "none"}`, () => {
    const found = publishProblem("a.b", "LEGACY", config as StreamConfig | undefined);
    if (problem) assert.match(found ?? "", problem);
    else assert.equal(found, undefined);
  });
}
