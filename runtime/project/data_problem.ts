import { z } from "zod";

const INSTEAD: Record<string, string> = {
  Date: "use z.iso.datetime() for a time",
  BigInt: "use z.int(), or z.string() where that is too small",
  Map: "use z.record()",
  Set: "use z.array()",
};

/** Explains why a schema cannot describe an event's data, or returns undefined. A publisher sends its input. */
export function dataProblem(data: unknown): string | undefined {
  if (!(data instanceof z.ZodType)) {
    const fields = Object.values(Object(data));
    const wrapped = fields.length > 0 && fields.every((field) => field instanceof z.ZodType);
    return `data is not a zod schema${
      wrapped ? ": put it into z.object(…)" : ", such as z.object({ orderId: z.string() })"
    }`;
  }
  if (isWithoutData(data)) return undefined;
  const refused = refusal(data);
  if (refused === undefined) return undefined;
  const { path, why } = refused, [type] = why.split(" ");
  const instead = INSTEAD[type] ?? "only text, numbers, true, false, null, lists and objects do";
  return `its data cannot travel as JSON: ${path && `${path}: `}${why} (${instead})`;
}

/** Returns whether a schema stands for an event without data, which JSON Schema cannot describe. */
export function isWithoutData(schema: unknown): boolean {
  return schema instanceof z.ZodUndefined || schema instanceof z.ZodVoid;
}

/** Returns the innermost part of a schema that has no counterpart in JSON. */
function refusal(schema: z.ZodType): { path: string; why: string } | undefined {
  try {
    z.toJSONSchema(schema, { io: "input" });
    return undefined;
  } catch (error) {
    for (const [name, part] of partsOf(schema)) {
      const inner = refusal(part);
      if (inner) return { path: [name, inner.path].filter((step) => step !== "").join("."), why: inner.why };
    }
    return { path: "", why: (error as Error).message };
  }
}

function partsOf(schema: z.ZodType): [name: string, part: z.ZodType][] {
  if (schema instanceof z.ZodObject) return Object.entries(schema.shape) as [string, z.ZodType][];
  if (schema instanceof z.ZodArray) return [["*", schema.element as z.ZodType]];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return [["", schema.unwrap() as z.ZodType]];
  return [];
}
