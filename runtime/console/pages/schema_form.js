import { el, useState } from "./el.js";
import { faultOf } from "./dead_letter_edit.js";
import { Button } from "./parts.js";

/** Returns a schema with its `$ref` replaced by what it stands for. */
function resolved(schema, root) {
  const match = /^#\/\$defs\/(.+)$/.exec(schema?.$ref ?? "");
  return match ? { ...root.$defs?.[match[1]], ...schema, $ref: undefined } : schema ?? {};
}

/** Returns which control a schema gets: `json` for all that has no simple form. */
export function controlOf(schema) {
  if (Array.isArray(schema.enum)) return schema.enum.every((one) => typeof one === "string") ? "choice" : "json";
  if (schema.const !== undefined || schema.anyOf || schema.oneOf || schema.allOf) return "json";
  if (schema.type === "object" && schema.properties) return "object";
  if (schema.type === "array" && schema.items && !schema.prefixItems) return "array";
  if (schema.type === "integer" || schema.type === "number") return "number";
  return ["string", "boolean"].includes(schema.type) ? schema.type : "json";
}

/** Returns the value with which a new part begins. */
export function emptyOf(schema, root) {
  const known = resolved(schema, root);
  if (known.default !== undefined) return known.default;
  const control = controlOf(known);
  if (control === "array") return [];
  if (control === "number") {
    return known.minimum ?? (known.exclusiveMinimum === undefined ? 0 : known.exclusiveMinimum + 1);
  }
  if (control === "boolean") return false;
  if (control === "choice") return known.enum[0];
  if (control === "string") return "";
  if (control !== "object") return null;
  const required = known.required ?? [];
  return Object.fromEntries(
    Object.entries(known.properties).filter(([name]) => required.includes(name)).map((
      [name, one],
    ) => [name, emptyOf(one, root)]),
  );
}

/**
 * A part of a form from JSON Schema.
 *
 * @param {{ schema: object, root: object, value: any, path: string, label: string, required?: boolean,
 *   faults: Map<string, string>, onChange: (value: any) => void }} props `path` has its parts with dots between
 */
export function SchemaField(props) {
  const schema = resolved(props.schema, props.root), control = controlOf(schema);
  const inner = { ...props, schema };
  if (control === "object") return el(ObjectField, inner);
  if (control === "array") return el(ArrayField, inner);
  return el(PlainField, { ...inner, control });
}

function ObjectField({ schema, root, value, path, label, faults, onChange }) {
  const required = schema.required ?? [], current = value ?? {};
  const fields = Object.entries(schema.properties).map(([name, one]) => {
    const set = (next) => {
      const { [name]: _, ...rest } = current;
      onChange(next === undefined ? rest : { ...current, [name]: next });
    };
    const below = path ? `${path}.${name}` : name;
    return el(SchemaField, {
      key: name,
      schema: one,
      root,
      value: current[name],
      path: below,
      label: name,
      required: required.includes(name),
      faults,
      onChange: set,
    });
  });
  return path === "" ? el("div.fields", fields) : el("fieldset.fields", el("legend", label), fields);
}

function ArrayField({ schema, root, value, path, label, faults, onChange }) {
  const items = Array.isArray(value) ? value : [];
  const rows = items.map((item, n) =>
    el(
      "div.item",
      { key: n },
      el(SchemaField, {
        schema: schema.items,
        root,
        value: item,
        path: `${path}.${n}`,
        label: `${label} ${n + 1}`,
        required: true,
        faults,
        onChange: (next) => onChange(items.with(n, next)),
      }),
      el(Button, {
        kind: "small plain",
        "aria-label": `Remove ${label} ${n + 1}`,
        onClick: () => onChange(items.toSpliced(n, 1)),
      }, "Remove"),
    )
  );
  return el(
    "fieldset.fields",
    el("legend", label),
    rows,
    faults.get(path) && el("p.small.bad-text", faults.get(path)),
    el(
      "div",
      el(
        Button,
        { kind: "small", onClick: () => onChange([...items, emptyOf(schema.items, root)]) },
        `Add to ${label}`,
      ),
    ),
  );
}

function PlainField({ schema, control, value, path, label, required, faults, onChange }) {
  const id = `field-${path}`, fault = faults.get(path);
  const common = { id, "aria-invalid": String(fault !== undefined), "aria-describedby": `${id}-hint` };
  return el(
    "div.form-field",
    el("label", { for: id }, label, required ? "" : el("span.muted", " optional")),
    el(CONTROLS[control], { common, schema, value, onChange, required }),
    el("p.small", { id: `${id}-hint`, class: fault ? "bad-text" : "muted" }, fault ?? hintOf(schema)),
  );
}

function hintOf({ description, pattern, format, minimum, maximum, type }) {
  const range = [minimum, maximum].some((one) => one !== undefined && Math.abs(one) < Number.MAX_SAFE_INTEGER);
  const between = range
    ? `${minimum ?? "…"} to ${Math.abs(maximum ?? Infinity) < Number.MAX_SAFE_INTEGER ? maximum : "…"}`
    : undefined;
  return description ?? [type === "string" ? format ?? pattern : type, between].filter(Boolean).join(", ");
}

/** An empty text of an optional part leaves it out. */
const CONTROLS = {
  string: ({ common, value, onChange, required }) =>
    el("input.field", {
      ...common,
      value: value ?? "",
      onInput: ({ target }) => onChange(target.value === "" && !required ? undefined : target.value),
    }),
  number: ({ common, value, onChange }) =>
    el("input.field", {
      ...common,
      type: "number",
      step: "any",
      value: value ?? "",
      onInput: ({ target }) => onChange(target.value === "" ? undefined : Number(target.value)),
    }),
  boolean: ({ common, value, onChange }) =>
    el("input", {
      ...common,
      type: "checkbox",
      checked: value === true,
      onChange: ({ target }) => onChange(target.checked),
    }),
  choice: ({ common, schema, value, onChange }) =>
    el(
      "select.field",
      {
        ...common,
        value: value ?? "",
        onChange: ({ target }) => onChange(target.value === "" ? undefined : target.value),
      },
      el("option", { value: "" }, "–"),
      schema.enum.map((one) => el("option", { key: one, value: one }, one)),
    ),
  json: JsonField,
};

/** A part without a simple form is edited as JSON. */
function JsonField({ common, value, onChange }) {
  const [text, setText] = useState(() => value === undefined ? "" : JSON.stringify(value, null, 2));
  const onInput = ({ target }) => {
    setText(target.value);
    if (target.value === "") onChange(undefined);
    else if (faultOf(target.value) === undefined) onChange(JSON.parse(target.value));
  };
  return el("textarea.field", { ...common, rows: 3, spellcheck: false, value: text, onInput });
}
