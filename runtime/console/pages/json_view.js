import { el, useMemo } from "./el.js";
import { bytes } from "./format.js";
import { Copy, Panel } from "./parts.js";

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;
/** A text of more tokens is shown without colours. */
const MAX_TOKENS = 8_000;
/** Greatest depth that is indented: the text of deeper data would grow with the square of its size. */
const MAX_INDENT = 40;

/**
 * Lays out JSON in lines, without reading its numbers: they stay as they were sent.
 *
 * @param {string} raw JSON
 * @returns {[kind: string, text: string][]}
 */
export function prettyTokens(raw) {
  const tokens = [];
  let depth = 0, before = "";
  const line = () => `\n${"  ".repeat(Math.min(depth, MAX_INDENT))}`;
  const all = raw.match(TOKEN) ?? [];
  all.forEach((token, n) => {
    const opens = token === "{" || token === "[", closes = token === "}" || token === "]";
    if (closes) depth--;
    const isEmpty = closes && (before === "{" || before === "[");
    const gap = before === "" || before === ":" || token === ":" || token === "," || isEmpty ? "" : line();
    if (opens) depth++;
    tokens.push([kindOf(token, all[n + 1]), gap + token + (token === ":" ? " " : "")]);
    before = token;
  });
  return tokens;
}

function kindOf(token, next) {
  if (token[0] === '"') return next === ":" ? "key" : "string";
  if (/^[-\d]/.test(token)) return "number";
  return /^[tfn]/.test(token) ? "word" : "";
}

/** JSON with colours. Every piece is a text node. */
function Json({ raw }) {
  const tokens = useMemo(() => prettyTokens(raw), [raw]);
  const isLong = tokens.length > MAX_TOKENS;
  const shown = isLong
    ? tokens.map(([, text]) => text).join("")
    : tokens.map(([kind, text], n) => kind ? el("span", { key: n, class: kind }, text) : text);
  return el("pre.code", { tabIndex: 0, role: "region", "aria-label": "JSON" }, shown);
}

/** The payload of an event or a dead letter: JSON, text, or bytes that are neither. */
export function Payload({ message, download }) {
  const { raw, text, base64, truncated } = message;
  const isJson = "data" in message;
  const copied = raw ?? text ?? base64 ?? "";
  return el(
    Panel,
    {
      title: "Payload",
      flush: true,
      end: [
        el("span", bytes(message.bytes), truncated ? ", shown in part" : ""),
        download && el("a", { href: download, download: true }, "Download"),
        el(Copy, { text: isJson && !truncated ? prettyTokens(copied).map(([, text]) => text).join("") : copied }),
      ],
    },
    isJson && raw !== undefined ? el(Json, { raw }) : el(
      "pre.code",
      { tabIndex: 0, role: "region", "aria-label": "Payload" },
      copied === "" ? "(empty)" : base64 === undefined ? copied : `base64: ${base64}`,
    ),
  );
}
