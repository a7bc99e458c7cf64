import { el, useState } from "./el.js";
import { post, readSession } from "./api.js";
import { Button, Empty, Failed } from "./parts.js";

/** Stands in for every page until the key is given. */
export function SignIn({ session }) {
  if (session.access === "sign-in") return el(KeyForm);
  if (session.access === "no-key") {
    return el(
      Empty,
      { title: "The console needs a key here" },
      "This listener is bound beyond loopback. Set ",
      el("code", "WEIR_ADMIN_KEY"),
      " on the runtime, start it again, and sign in with that key.",
    );
  }
  return el(
    Empty,
    { title: "The runtime does not answer" },
    el(Button, { onClick: readSession }, "Try again"),
  );
}

function KeyForm() {
  const [key, setKey] = useState("");
  const [error, setError] = useState();
  const submit = async (event) => {
    event.preventDefault();
    try {
      await post("sign-in", { key });
      await readSession();
    } catch (error) {
      setError(
        error.status === 401 ? { message: "This is not the key of this runtime.", problem: { title: "No." } } : error,
      );
    }
  };
  return el(
    "form.sign-in.panel",
    { onSubmit: submit },
    el("h1", "Sign in"),
    el("label", { for: "key" }, "Admin key (", el("code", "WEIR_ADMIN_KEY"), ")"),
    el("input.field", {
      id: "key",
      type: "password",
      autocomplete: "current-password",
      autofocus: true,
      value: key,
      onInput: ({ target }) => setKey(target.value),
    }),
    el("button.button.first", { disabled: key === "" }, "Sign in"),
    error && el(Failed, { error }),
  );
}
