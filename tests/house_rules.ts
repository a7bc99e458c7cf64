import { fileURLToPath } from "node:url";

/**
 * House rules for `deno lint`: rules of the architecture that types cannot express.
 *
 * - `settle-only`: only `runtime/nats/consume/settle.ts` settles messages, so that one module performs outcomes.
 * - `pure-layers`: `core/`, `api/` and `doctor/rules/` use no `await`, no `Deno.`, no clock and no random numbers. They
 *   take time and random numbers as arguments, so that tables of values test them.
 * - `short-functions`: no function of the runtime is longer than 60 lines.
 */
const RUNTIME = fileURLToPath(new URL("../runtime/", import.meta.url));
const PURE = /^(core|api|doctor\/rules)\//;
const MAX_LINES = 60;
const SETTLER = "nats/consume/settle.ts";
const SETTLING = /^(ack|nak|term|ackAck|working)$/;
const ANSWER = /^(\+ACK|-NAK|\+TERM|\+WPI|\+NXT)/;
const IMPURE = ["Deno", "setTimeout", "setInterval", "queueMicrotask", "fetch", "performance"];

/** Returns a file's path in `runtime/` of this repository; undefined for any other file. */
function inRuntime(filename: string): string | undefined {
  return filename.startsWith(RUNTIME) ? filename.slice(RUNTIME.length) : undefined;
}

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    "settle-only": {
      create(context) {
        const file = inRuntime(context.filename);
        if (file === undefined || file === SETTLER) return {};
        const message = "only runtime/nats/consume/settle.ts settles a message: return an Outcome instead";
        return {
          CallExpression({ callee }) {
            if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
            if (SETTLING.test(callee.property.name)) context.report({ node: callee, message });
          },
          Literal(node) {
            if (typeof node.value === "string" && ANSWER.test(node.value)) context.report({ node, message });
          },
          TemplateElement(node) {
            if (ANSWER.test(node.cooked)) context.report({ node, message });
          },
        };
      },
    },
    "short-functions": {
      create(context) {
        if (inRuntime(context.filename) === undefined) return {};
        const check = (node: Deno.lint.Node) => {
          const lines = context.sourceCode.text.slice(...node.range).split("\n").length;
          const message = `this function has ${lines} lines, and ${MAX_LINES} are the most: split it`;
          if (lines > MAX_LINES) context.report({ node, message });
        };
        return { FunctionDeclaration: check, FunctionExpression: check, ArrowFunctionExpression: check };
      },
    },
    "pure-layers": {
      create(context) {
        if (!PURE.test(inRuntime(context.filename) ?? "")) return {};
        const refuse = (node: Deno.lint.Node, what: string) =>
          context.report({ node, message: `${what} has no place in a pure layer: take what it yields as an argument` });
        return {
          AwaitExpression: (node) => refuse(node, "await"),
          MemberExpression(node) {
            if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
            const { name } = node.object, property = node.property.name;
            if (IMPURE.includes(name)) refuse(node, name);
            if (name === "Date" && property === "now") refuse(node, "Date.now");
            if (name === "Math" && property === "random") refuse(node, "Math.random");
          },
          CallExpression(node) {
            if (node.callee.type === "Identifier" && IMPURE.includes(node.callee.name)) refuse(node, node.callee.name);
          },
          NewExpression(node) {
            const now = node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0;
            if (now) refuse(node, "new Date()");
          },
        };
      },
    },
  },
};

export default plugin;
