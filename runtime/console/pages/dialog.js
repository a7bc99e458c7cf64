import { el, useEffect, useRef } from "./el.js";
import { Button } from "./parts.js";

/** A dialog over the page. It takes the focus and gives it back; Escape closes it. */
export function Dialog({ title, onClose, children, actions }) {
  const box = useRef();
  useEffect(() => {
    const { current } = box;
    current.showModal();
    return () => current.close();
  }, []);
  return el(
    "dialog.dialog",
    { ref: box, "aria-labelledby": "dialog-title", onCancel: onClose, onClose },
    el("h2", { id: "dialog-title" }, title),
    el("div.content", children),
    el("div.actions", actions ?? el(Button, { onClick: onClose }, "Close")),
  );
}

/**
 * Asks before something is done that touches much.
 *
 * @param {{ title: string, action: string, danger?: boolean, onConfirm: () => void,
 *   onClose: () => void, children?: any }} props
 */
export function Confirm({ title, action, danger = false, onConfirm, onClose, children }) {
  const confirm = () => {
    onClose();
    onConfirm();
  };
  const actions = [
    el(Button, { onClick: onClose }, "Cancel"),
    el(Button, { kind: danger ? "first danger" : "first", onClick: confirm, autofocus: true }, action),
  ];
  return el(Dialog, { title, onClose, actions }, children);
}
