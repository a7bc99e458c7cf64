import { consumer, stream, streams, testRules } from "../facts.ts";

const replica = (name: string, state: object) => ({ name, current: true, active: 1, ...state });
const led = (...replicas: object[]) => ({ cluster: { name: "C", leader: "a", replicas } }) as object;
const without = (...replicas: object[]) => ({ cluster: { name: "C", replicas } }) as object;
const withCluster = (name: string, cluster: object) => ({ ...stream(name), ...cluster });

testRules([
  ["leaders", "a stream and a consumer with all replicas", {
    streams: streams(withCluster("ORDERS", led(replica("b", {}), replica("c", {})))),
    consumers: { value: [consumer("ship", {}, led(replica("b", {})))] },
  }, []],
  ["leaders", "a stream without one", {
    streams: streams(withCluster("ORDERS", without(replica("b", { offline: true }), replica("c", { offline: true })))),
  }, [/^leaders error: the stream ORDERS has no leader; offline: b, c$/]],
  ["leaders", "a consumer without one", {
    consumers: { value: [consumer("ship", {}, without())] },
  }, [/^leaders error: the consumer ship on ORDERS has no leader$/]],
  ["leaders", "streams that do not answer", {
    streams: { unknown: "no stream could be read" },
    unanswered: ["the stream ORDERS: timeout"],
  }, [/^leaders error: no answer from the stream ORDERS: timeout$/]],
  ["replicas-current", "one that is down and one that is behind", {
    streams: streams(withCluster("ORDERS", led(replica("b", { offline: true }), replica("c", { current: false })))),
  }, [/^replicas-current warning: the stream ORDERS: offline: b; not up to date: c$/]],
]);
