/** Reads a table until "end" is its only ack subject, and reports how many were not whole. */
import { SharedDeliveries } from "../../../runtime/nats/consume/shared_deliveries.ts";

const scope = globalThis as unknown as {
  onmessage: (message: MessageEvent<SharedArrayBuffer>) => void;
  postMessage: (news: [string, number]) => void;
};

scope.onmessage = ({ data }) => {
  const table = new SharedDeliveries(data);
  scope.postMessage(["ready", 0]);
  let torn = 0;
  while (true) {
    const handles = table.ackSubjects();
    if (handles.length === 1 && handles[0] === "end") break;
    for (const handle of handles) {
      const [, letters, length] = /^(.*):(\d+)$/.exec(handle) ?? ["", "", "-1"];
      const whole = letters.length === Number(length) && new Set(letters).size === 1;
      if (!whole && handle !== "end") torn++;
    }
  }
  scope.postMessage(["torn", torn]);
};
