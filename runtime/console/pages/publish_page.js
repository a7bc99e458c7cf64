import { el, useState } from "./el.js";
import { useAsk } from "./api.js";
import { PublishForm } from "./publish_form.js";
import { Answer, Empty } from "./parts.js";
import { go, Link, pathTo } from "./router.js";

/** Publishes an event by a form. */
export default function PublishPage({ parts: [type] }) {
  const catalog = useAsk("catalog");
  return [
    el("div.head", el("h1", "Publish")),
    el(Answer, { answer: catalog, rows: 10 }, (data) => {
      const events = data.events.filter(({ publishable }) => publishable).toSorted((a, b) => b.ingress - a.ingress);
      if (events.length === 0) {
        return el(
          "div.panel",
          el(
            Empty,
            { title: "No event can be published" },
            "Only events with ",
            el("code", "ingress"),
            " can be published from outside.",
          ),
        );
      }
      const chosen = type ?? events[0].type;
      return el(
        "div.grid.publish",
        el(List, { events, chosen }),
        el(Chosen, { key: chosen, type: chosen, catalog: data }),
      );
    }),
  ];
}

function List({ events, chosen }) {
  const [text, setText] = useState("");
  const shown = events.filter(({ type }) => type.toLowerCase().includes(text.toLowerCase()));
  return el(
    "nav.panel.event-list",
    { "aria-label": "Events" },
    events.length > 12 &&
      el("input.field", {
        type: "search",
        placeholder: "Filter events",
        "aria-label": "Filter events",
        "data-filter": true,
        value: text,
        onInput: ({ target }) => setText(target.value),
        onKeyDown: ({ key }) => key === "Enter" && shown[0] && go(pathTo("publish", shown[0].type)),
      }),
    shown.map(({ type, ingress, description }) =>
      el(
        Link,
        { key: type, href: pathTo("publish", type), "aria-current": type === chosen ? "true" : undefined },
        el("code", type),
        el("span.small.muted", ingress ? description ?? "" : "internal"),
      )
    ),
  );
}

function Chosen({ type, catalog }) {
  const [seed, setSeed] = useState();
  const answer = useAsk(`catalog/${encodeURIComponent(type)}${seed === undefined ? "" : `?seed=${seed}`}`);
  const another = () => setSeed((seed ?? 0) + 1);
  return el(
    Answer,
    { answer, rows: 10 },
    (event) => el(PublishForm, { key: seed, event, catalog, onAnother: another }),
  );
}
