import { el, useEffect, useState } from "./el.js";
import { ask, queryOf } from "./api.js";
import { count, moment } from "./format.js";
import { Ago, Button, Chip, Failed, Loading, Panel } from "./parts.js";
import { Link, pathTo } from "./router.js";

const PAGE = "50";

/** Dead letters that match, the oldest first. @param {{ filter: object, turn: unknown }} props `turn` changes when they are to be read again */
export function Letters({ filter, turn }) {
  const [state, setState] = useState({ letters: undefined, next: null });
  const read = async (after) => {
    try {
      const { letters, next } = await ask(`dead-letters${queryOf({ ...filter, after, limit: PAGE })}`);
      setState((former) => ({ letters: after ? [...former.letters, ...letters] : letters, next }));
    } catch (error) {
      setState((former) => ({ ...former, error }));
    }
  };
  useEffect(() => void read(), [turn]);
  const { letters, next, error } = state;
  return el(
    Panel,
    { title: "Letters", flush: true, end: "oldest first" },
    error && el(Failed, { error, onRetry: () => read() }),
    letters === undefined ? el(Loading, { rows: 6 }) : el(
      "div.scroll",
      el(
        "table",
        el(
          "thead",
          el(
            "tr",
            ["Time", "Function", "Event", "Reason", "Error"].map((name) => el("th", { key: name }, name)),
            el("th.right", "Attempts"),
          ),
        ),
        el("tbody", letters.map((letter) => el(Row, { key: letter.sequence, letter }))),
      ),
    ),
    next !== null && letters && el("div.more", el(Button, { onClick: () => read(String(next)) }, "More")),
  );
}

function Row({ letter: { sequence, time, function: name, type, reason, error, attempts, redrives } }) {
  return el(
    "tr",
    el("td", el(Link, { href: pathTo("dead-letters", String(sequence)), title: moment(time) }, el(Ago, { time }))),
    el("td", name),
    el("td", el("code", type)),
    el(
      "td",
      el(Chip, { tone: "bad" }, reason),
      redrives > 0 && el("span.muted.small", ` redriven ${count(redrives)}×`),
    ),
    el("td.fill.small.mono", { title: error }, error),
    el("td.right", attempts),
  );
}
