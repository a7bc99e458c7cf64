import { el, useState } from "./el.js";
import { post, session } from "./api.js";
import { faultOf } from "./dead_letter_edit.js";
import { curlOf } from "./curl.js";
import { Button, Chip, Copy, Failed, Panel } from "./parts.js";
import { Link, pathTo } from "./router.js";
import { controlOf, emptyOf, SchemaField } from "./schema_form.js";
import { useStore } from "./store.js";

/** The data of an event, as a form or as JSON, and the same as a command. */
export function PublishForm({ event, catalog, onAnother }) {
  const draft = useDraft("sample" in event ? event.sample : emptyOf(event.schema, event.schema)),
    [id, setId] = useState("");
  const [result, setResult] = useState(), [busy, setBusy] = useState(false);
  const submit = async (submitted) => {
    submitted.preventDefault();
    setBusy(true);
    try {
      setResult({ stored: await post("publish", { type: event.type, data: draft.value, ...(id && { id }) }) });
    } catch (error) {
      setResult({ error });
    }
    setBusy(false);
  };
  const title = [el("code", event.type), " ", el("span.muted", `version ${event.version}`)];
  return el(
    "form.stack",
    { onSubmit: submit, noValidate: true },
    el(
      Panel,
      { title, end: el(Tools, { draft, onAnother }) },
      event.description && el("p.muted.above", event.description),
      event.sampleProblem && el("p.muted.above", `There is no sample: ${event.sampleProblem}`),
      draft.text === undefined
        ? el(Fields, { event, draft, faults: faultsOf(result?.error) })
        : el(JsonText, { draft }),
      el(IdField, { id, setId }),
      el(
        "div.submit",
        el(SubmitButton, { disabled: busy || draft.fault !== undefined }),
        result && el(Result, { result }),
      ),
    ),
    event.ingress && el(Command, { event, value: draft.value, id, catalog }),
  );
}

/** The data as it is edited: as a value, or as text of JSON with the fault that it has. */
function useDraft(sample) {
  const [data, setData] = useState(sample), [text, setText] = useState();
  const fault = text === undefined ? undefined : faultOf(text);
  const value = text !== undefined && fault === undefined ? JSON.parse(text) : data;
  const toggle = () => {
    setData(value);
    setText(text === undefined ? JSON.stringify(data, null, 2) : undefined);
  };
  return { data, text, fault, value, setData, setText, toggle };
}

function Tools({ draft: { text, fault, toggle }, onAnother }) {
  const isText = text !== undefined;
  return [
    el(Button, { kind: "small", onClick: onAnother }, "Another sample"),
    el(
      Button,
      { kind: "small", "aria-pressed": String(isText), disabled: fault !== undefined, onClick: toggle },
      "As JSON",
    ),
  ];
}

function JsonText({ draft: { text, fault, setText } }) {
  return [
    el("textarea.field", {
      rows: 16,
      "aria-label": "Data",
      "aria-invalid": String(fault !== undefined),
      spellcheck: false,
      value: text,
      onInput: ({ target }) => setText(target.value),
    }),
    el("p.small.bad-text", { role: "status" }, fault ?? ""),
  ];
}

function IdField({ id, setId }) {
  const onInput = ({ target }) => setId(target.value);
  return el(
    "div.form-field.apart",
    el("label", { for: "event-id" }, "Event id", el("span.muted", " optional")),
    el("input.field", { id: "event-id", value: id, placeholder: "a random one", onInput }),
  );
}

function SubmitButton({ disabled }) {
  const may = useStore(session)?.access === "full";
  const title = may ? undefined : "The console is read-only";
  return el("button.button.first", { disabled: !may || disabled, title }, "Publish");
}

function Fields({ event: { schema }, draft: { data, setData }, faults }) {
  const path = controlOf(schema) === "object" ? "" : "data";
  return el(SchemaField, {
    schema,
    root: schema,
    value: data,
    path,
    label: "data",
    required: true,
    faults,
    onChange: setData,
  });
}

/** Returns the faults of a refusal by their path, with dots between its parts. */
function faultsOf(error) {
  const dotted = (path) => path.replace(/^[/.$]+/, "").replaceAll(/[/[\]]+/g, ".").replace(/\.$/, "");
  return new Map((error?.problem?.errors ?? []).map(({ path, message }) => [dotted(String(path)), message]));
}

function Result({ result: { stored, error } }) {
  if (error) return el(Failed, { error });
  return el(
    "span.stored",
    { role: "status" },
    el(Chip, { tone: stored.duplicate ? "warn" : "ok" }, stored.duplicate ? "was stored before" : "stored"),
    el(Link, { href: pathTo("events", stored.stream, String(stored.sequence)) }, `${stored.stream} ${stored.sequence}`),
  );
}

/** The same request for a terminal. */
function Command({ event: { type }, value, id, catalog: { events, publicUrl, needsKey } }) {
  const path = events.find((event) => event.type === type)?.routes?.[0];
  const command = curlOf({ url: publicUrl, path, needsKey, data: value, id, type });
  return el(
    Panel,
    { title: "The same with curl", flush: true, end: el(Copy, { text: command }) },
    el("pre.code", { tabIndex: 0, role: "region", "aria-label": "curl" }, command),
  );
}
