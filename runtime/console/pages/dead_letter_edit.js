import { el, useState } from "./el.js";
import { prettyTokens } from "./json_view.js";
import { Button, Panel } from "./parts.js";

/** Edits the data of a dead letter before it is redriven. Offered in `dev` only. */
export function EditRedrive({ letter, onClose, onRedrive }) {
  const [text, setText] = useState(() => editedText(letter));
  const fault = faultOf(text);
  const end = [
    el(Button, { kind: "small", onClick: onClose }, "Cancel"),
    el(
      Button,
      { kind: "small first", disabled: fault !== undefined, onClick: () => onRedrive(exactJson(text)) },
      "Redrive with this data",
    ),
  ];
  return el(
    Panel,
    { title: "Edit and redrive", end, class: "above" },
    el("textarea.field", {
      rows: 12,
      "aria-label": "Data",
      "aria-invalid": String(fault !== undefined),
      "aria-describedby": "edit-fault",
      spellcheck: false,
      value: text,
      onInput: ({ target }) => setText(target.value),
    }),
    el("p.small.bad-text", { id: "edit-fault", role: "status" }, fault ?? " "),
  );
}

/** Returns the text that is edited first: laid out if it is JSON, and else as it was sent. */
export function editedText({ raw, text = "" }) {
  return raw === undefined ? text : prettyTokens(raw).map(([, token]) => token).join("");
}

/** Parses JSON. Its numbers are sent as they are written: the server refuses one that JSON parsers would change. */
export function exactJson(text) {
  const { parse, rawJSON } = /** @type {any} */ (JSON);
  if (!rawJSON) return parse(text); // an older browser
  return parse(text, (_, value, { source }) => typeof value === "number" ? rawJSON(source) : value);
}

/** Returns why a text is not JSON; undefined if it is. */
export function faultOf(text) {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error.message;
  }
}
