import { el, useEffect, useState } from "./el.js";
import { address, setQuery } from "./router.js";
import { useStore } from "./store.js";

/** Time without a key after which a text counts. */
const TYPED_MS = 250;

/** A field for a text of the query of the page, so that a filter is part of the address. `/` leads to it. */
export function FilterField({ name, label }) {
  const known = useStore(address).query.get(name) ?? "";
  const [text, setText] = useState(known);
  useEffect(() => setText(known), [known]);
  useEffect(() => {
    if (text === known) return;
    const timer = setTimeout(() => setQuery({ [name]: text }), TYPED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return el("input.field", {
    type: "search",
    placeholder: label,
    "aria-label": label,
    "data-filter": true,
    value: text,
    onInput: ({ target }) => setText(target.value),
  });
}

/** A choice for the query of the page. The first option stands for all. */
export function FilterSelect({ name, label, options = [] }) {
  const value = useStore(address).query.get(name) ?? "";
  const shown = value && !options.includes(value) ? [value, ...options] : options;
  return el(
    "select.field",
    { "aria-label": label, value, onChange: ({ target }) => setQuery({ [name]: target.value }) },
    el("option", { value: "" }, label),
    shown.map((option) => el("option", { key: option, value: option }, option)),
  );
}
