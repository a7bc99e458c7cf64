import { h, isValidElement } from "preact";
import * as hooks from "preact/hooks";

/**
 * Makes an element: `el("p.muted", "text")`, `el("a.row", { href }, child)`, `el(Component, { option })`. Strings become
 * text nodes, so that no text of an event is ever markup.
 *
 * @param {any} type Tag with its classes, or a component
 * @param {any} [props] Properties, or the first child
 * @param {any[]} children
 */
export function el(type, props, ...children) {
  if (!isProps(props)) {
    if (props !== undefined) children.unshift(props);
    props = {};
  }
  if (typeof type !== "string") return h(type, props, ...children);
  const [tag, ...names] = type.split(".");
  if (names.length === 0) return h(tag, props, ...children);
  const given = props.class;
  return h(tag, { ...props, class: given ? `${names.join(" ")} ${given}` : names.join(" ") }, ...children);
}

function isProps(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isValidElement(value);
}

export { render } from "preact";
export { useCallback, useEffect, useLayoutEffect, useMemo } from "preact/hooks";
/** @type {(initial?: any) => [any, (next?: any) => void]} */
export const useState = hooks.useState;
/** @type {(initial?: any) => { current: any }} */
export const useRef = hooks.useRef;
