import { el, useState } from "./el.js";
import { post, session } from "./api.js";
import { moment } from "./format.js";
import { Button, Failed } from "./parts.js";
import { Dialog } from "./dialog.js";
import { useStore } from "./store.js";

/** Lengths of a pause. Without a length it lasts until it is ended. */
const LENGTHS = [["Until resumed", undefined], ["10 minutes", "10m"], ["1 hour", "1h"], ["1 day", "1d"]];

/** Pauses a function on all replicas, or lets it go on. */
export function PauseButton({ name, status }) {
  const [asks, setAsks] = useState(false), [error, setError] = useState(), [busy, setBusy] = useState(false);
  const may = useStore(session)?.access === "full";
  const path = `functions/${encodeURIComponent(name)}`;
  const send = async (action, body) => {
    setAsks(false);
    setBusy(true);
    setError(undefined);
    try {
      await post(`${path}/${action}`, body);
    } catch (error) {
      setError(error);
    }
    setBusy(false);
  };
  const paused = status.pausedUntil !== null && status.pausedUntil !== undefined;
  const forever = paused && new Date(status.pausedUntil).getFullYear() >= 2200;
  const title = may ? undefined : "The console is read-only";
  return [
    error && el(Failed, { error }),
    paused && el("span.muted", forever ? "until resumed" : `until ${moment(status.pausedUntil).slice(0, 16)}`),
    paused
      ? el(Button, { kind: "first", disabled: !may || busy, title, onClick: () => send("resume") }, "Resume")
      : el(Button, { disabled: !may || busy, title, onClick: () => setAsks(true) }, "Pause…"),
    asks &&
    el(PauseDialog, { name, onClose: () => setAsks(false), onPause: (length) => send("pause", { for: length }) }),
  ];
}

function PauseDialog({ name, onClose, onPause }) {
  const [length, setLength] = useState(0);
  const actions = [
    el(Button, { onClick: onClose }, "Cancel"),
    el(Button, { kind: "first", onClick: () => onPause(LENGTHS[length][1]) }, "Pause"),
  ];
  return el(
    Dialog,
    { title: `Pause ${name}?`, onClose, actions },
    el("p", "All replicas stop taking its events; those that run finish. Events wait in the stream."),
    el(
      "fieldset.choices",
      el("legend.hidden", "How long"),
      LENGTHS.map(([label], n) =>
        el(
          "label",
          { key: label },
          el("input", { type: "radio", name: "length", checked: n === length, onChange: () => setLength(n) }),
          label,
        )
      ),
    ),
  );
}
