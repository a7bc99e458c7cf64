import { el, useState } from "./el.js";
import { post, session, useAsk } from "./api.js";
import { Confirm } from "./dialog.js";
import { EditRedrive } from "./dead_letter_edit.js";
import { moment } from "./format.js";
import { Payload } from "./json_view.js";
import { Ago, Answer, Button, Chip, Copy, Empty, Facts, Failed, Headers, Panel } from "./parts.js";
import { Link, pathTo } from "./router.js";
import { useStore } from "./store.js";

/** One dead letter: its error and data, and what can be done with it. */
export default function DeadLetterPage({ parts: [sequence] }) {
  const answer = useAsk(`dead-letters/${sequence}`);
  if (answer.data) return el(Letter, { letter: answer.data });
  const isGone = answer.error?.status === 404;
  return [
    el("div.head", el(Above), el("h1", `Dead letter ${sequence}`)),
    isGone
      ? el(Empty, { title: "It is not there any more" }, "It was redriven or discarded, or its time was over.")
      : el(Answer, { answer, rows: 14 }),
  ];
}

function Above() {
  return el("nav.crumb", { "aria-label": "Above" }, el(Link, { href: "/console/dead-letters" }, "Dead letters"));
}

function Letter({ letter }) {
  const [done, setDone] = useState(), [error, setError] = useState(), [asks, setAsks] = useState();
  const act = async (action, body) => {
    setError(undefined);
    try {
      setDone((await post(`dead-letters/${letter.sequence}/${action}`, body)).outcome);
      setAsks(undefined);
    } catch (error) {
      setError(Object.assign(error, { body }));
    }
  };
  return [
    el(Head, { letter, done, act, setAsks }),
    done &&
    el(
      "div.banner.above",
      { role: "status" },
      el("strong", done === "redriven" ? "Redriven." : "Discarded."),
      done === "redriven" ? `${letter.function} gets it again.` : "It is deleted.",
      el(Link, { href: "/console/dead-letters" }, "All dead letters"),
    ),
    error &&
    el(
      "div.above",
      el(Failed, { error }),
      isHeldBack(error) &&
        el(
          Button,
          { kind: "danger", onClick: () => act("redrive", { ...error.body, force: true }) },
          "Redrive all the same",
        ),
    ),
    asks === "edit"
      ? el(EditRedrive, { letter, onClose: () => setAsks(), onRedrive: (data) => act("redrive", { data }) })
      : null,
    asks === "discard" &&
    el(Confirm, {
      title: "Discard this dead letter?",
      action: "Discard",
      danger: true,
      onConfirm: () => act("discard"),
      onClose: () => setAsks(),
    }, "It is deleted, with its data. This cannot be undone."),
    el(Body, { letter }),
  ];
}

const isHeldBack = ({ status, problem }) =>
  status === 409 && /held-back|parked/.test(`${problem?.type} ${problem?.code}`);

function Head({ letter, done, act, setAsks }) {
  const { access, dev } = useStore(session) ?? {};
  const disabled = access !== "full" || done !== undefined;
  return el(
    "div.head",
    el(Above),
    el("h1", `${letter.function} `, el("span.muted", letter.type)),
    el(Chip, { tone: "bad" }, letter.reason),
    el(
      "div.end",
      el(Button, { kind: "first", disabled, onClick: () => act("redrive", {}) }, "Redrive"),
      dev && letter.editable && el(Button, { disabled, onClick: () => setAsks("edit") }, "Edit and redrive…"),
      el(Button, { kind: "danger", disabled, onClick: () => setAsks("discard") }, "Discard…"),
    ),
  );
}

function Body({ letter }) {
  const { error, stream, streamSequence } = letter;
  return el(
    "div.grid.side",
    el(
      "div.stack",
      el(
        Panel,
        { title: "Error", flush: true, end: error && el(Copy, { text: error }) },
        el("pre.code", { tabIndex: 0, role: "region", "aria-label": "Error" }, error || "(none)"),
      ),
      el(Payload, { message: letter }),
      el(Panel, { title: "Headers" }, el(Headers, { headers: letter.headers })),
    ),
    el(
      "div.stack",
      el(
        Panel,
        { title: "Letter" },
        el(Facts, {
          facts: [
            ["Function", el(Link, { href: pathTo("functions", letter.function) }, letter.function)],
            [
              "Event",
              stream
                ? el(Link, { href: pathTo("events", stream, String(streamSequence)) }, `${stream} ${streamSequence}`)
                : "not known",
            ],
            ["Id", letter.id && el("code", letter.id)],
            ["Time", [moment(letter.time), el("div.muted", el(Ago, { time: letter.time }))]],
            ["Attempts", letter.attempts],
            ["Redriven", letter.redrives ? `${letter.redrives}×` : "never"],
            [
              "Alike",
              letter.group &&
              el(
                Link,
                { href: `/console/dead-letters?error=${encodeURIComponent(letter.group)}` },
                "Letters of the same cause",
              ),
            ],
          ].filter(([, value]) => value !== undefined && value !== null),
        }),
      ),
    ),
  );
}
