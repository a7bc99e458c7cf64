import { z } from "zod";

const Id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
const Category = z.object({
  name: z.string(),
  get children() {
    return z.array(Category);
  },
});
const Chain: z.ZodType = z.object({
  get next() {
    return Chain.optional();
  },
});
const Tree: z.ZodType = z.lazy(() => z.union([z.int(), z.object({ left: Tree, right: Tree })]));
const Address = z.object({ street: z.string(), zip: z.string().regex(/^\d{5}$/) }).meta({ id: "Address" });

/** Schemas of every kind that an event's data may have, by what they are. */
export const SHAPES: Readonly<Record<string, z.ZodType>> = {
  "an order": z.object({
    orderId: Id,
    items: z.array(z.object({ sku: Id, quantity: z.int().positive() })).min(1),
    total: z.int().nonnegative(),
    note: z.string().max(3).optional(),
  }),
  "a text": z.string(),
  "a text of one length": z.string().length(20),
  "a text with a beginning, a middle and an end": z.string().startsWith("ab.").includes("m").endsWith("yz").min(12),
  "a text with two patterns": z.string().regex(/a/).regex(/b$/),
  "a text in upper case": z.string().uppercase().min(3),
  "a trimmed text": z.string().trim().min(1),
  "a template": z.templateLiteral(["a-", z.int(), "-", z.enum(["x", "y"])]),
  "an email": z.email(),
  "a URL": z.url(),
  "an http URL": z.httpUrl(),
  "a UUID": z.uuid(),
  "a UUID of version 7": z.uuidv7(),
  "a ULID": z.ulid(),
  "a nanoid": z.nanoid(),
  "a cuid2": z.cuid2(),
  "a date and time": z.iso.datetime(),
  "a time with an offset": z.iso.datetime({ offset: true }),
  "a time to the millisecond": z.iso.datetime({ precision: 3 }),
  "a date": z.iso.date(),
  "a time of day": z.iso.time(),
  "a duration": z.iso.duration(),
  "an IPv4 address": z.ipv4(),
  "an IPv6 address": z.ipv6(),
  "a network": z.cidrv4(),
  "base64": z.base64(),
  "base64url": z.base64url(),
  "a phone number": z.e164(),
  "a hostname": z.hostname(),
  "a hash": z.hash("sha256"),
  "an emoji": z.emoji(),
  "a JWT": z.jwt(),
  "a number": z.number(),
  "a number within narrow bounds": z.number().gt(1.5).lt(1.75),
  "a number of quarters": z.number().multipleOf(0.25).positive(),
  "a whole number between others": z.int().gt(5).lt(8),
  "a negative number": z.int().negative(),
  "a large number": z.int().min(1_000_000),
  "yes or no": z.boolean(),
  "nothing": z.null(),
  "an enum": z.enum(["red", "green"]),
  "literals": z.literal([1, "x", null]),
  "anything": z.unknown(),
  "JSON": z.json(),
  "a union": z.union([z.string().min(40), z.int(), z.object({ a: z.boolean() })]),
  "a discriminated union": z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("card"), number: z.string() }),
    z.object({ kind: z.literal("cash"), coins: z.array(z.int()) }),
  ]),
  "an intersection": z.intersection(z.object({ a: z.string() }), z.object({ b: z.int() })),
  "an intersection with a union": z.intersection(
    z.object({ a: z.string() }),
    z.union([z.object({ b: z.int() }), z.object({ c: z.boolean() })]),
  ),
  "a record": z.record(z.string(), z.int()),
  "a record of an enum": z.record(z.enum(["x", "y"]), z.int()),
  "a record with a pattern": z.record(z.string().regex(/^k[0-9]$/), z.int()),
  "a partial record": z.partialRecord(z.enum(["x", "y"]), z.int()),
  "a tuple with a rest": z.tuple([z.string(), z.int()]).rest(z.boolean()),
  "a tuple with an optional end": z.tuple([z.string(), z.int().optional()]),
  "a list of one length": z.array(z.string()).length(3),
  "a list of lists": z.array(z.array(z.int()).min(2)).max(4),
  "a list that is empty": z.array(z.int()).max(0),
  "what may be null": z.object({ a: z.string().nullable(), b: z.int().nullish() }),
  "what has defaults": z.object({ a: z.string().default("x"), b: z.int().prefault(7), c: z.string().catch("q") }),
  "what must not be there": z.object({ a: z.never().optional() }),
  "a strict object": z.strictObject({ a: z.string() }),
  "a loose object": z.looseObject({ a: z.string() }),
  "an object with a catch-all": z.object({ a: z.int() }).catchall(z.string()),
  "an object with odd names": z.object({ "a b": z.string(), "x-y": z.int(), "": z.boolean(), "a.b": z.email() }),
  "a schema with an id": z.object({ from: Address, to: Address }),
  "a recursive list": Category,
  "a recursive option": Chain,
  "a recursive union": Tree,
  "a text that is read as a number": z.string().transform(Number).pipe(z.number()),
  "a text that is read as yes or no": z.object({
    on: z.stringbool(),
    count: z.string().transform(Number).pipe(z.int()),
  }),
  "a text that is read as a date": z.codec(z.iso.datetime(), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString(),
  }),
  "a text that is read as JSON": z.string().transform((text, ctx) => {
    try {
      return JSON.parse(text);
    } catch {
      ctx.addIssue("not JSON");
      return z.NEVER;
    }
  }),
  "a record with names of a pattern": z.record(z.string().regex(/^sku-\d{4}$/), z.int()),
  "a coerced number": z.coerce.number(),
  "a check across fields": z.object({ from: z.int(), to: z.int() }).refine(({ from, to }) => from < to),
  "checks of many fields": z.object({
    a: z.int().refine((n) => n % 3 === 0),
    b: z.int().refine((n) => n % 4 === 0),
    c: z.int().refine((n) => n % 5 === 0),
    d: z.array(z.int().refine((n) => n % 2 === 0)).min(3),
  }),
  "what is branded and read only": z.object({ a: z.string().brand("Id").readonly() }),
};
