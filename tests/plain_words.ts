/**
 * Plain words for `deno lint`: the first words that a doc comment or test name may not begin with, and the words that
 * hide who acts. Text in backticks is code and is not read.
 */
const FIRST = /^(What|Where|Of|So|And|Which|With|Without)\b/;
const HIDDEN = /\b(whoever|somebody|nobody|is told|is said|is looked at|so many|so long)\b/i;

const plugin: Deno.lint.Plugin = {
  name: "words",
  rules: {
    "plain": {
      create(context) {
        const read = (text: string, node: Deno.lint.Node | Deno.lint.LineComment | Deno.lint.BlockComment) => {
          const first = FIRST.exec(text)?.[0], hidden = HIDDEN.exec(text)?.[0];
          const report = (message: string) => context.report({ range: node.range, message });
          if (first) report(`begins with "${first}": begin with a verb in the present tense, or a noun phrase`);
          if (hidden) report(`"${hidden}" hides who acts: name the server, the caller, the author, another replica`);
        };
        return {
          Program() {
            for (const comment of context.sourceCode.getAllComments()) {
              if (comment.type === "Block" && comment.value.startsWith("*")) read(prose(comment.value), comment);
            }
          },
          CallExpression({ callee, arguments: [name] }) {
            if (!isTest(callee) || !name) return;
            if (name.type === "Literal" && typeof name.value === "string") read(plain(name.value), name);
            if (name.type === "TemplateLiteral") read(plain(name.quasis.map(({ cooked }) => cooked).join("…")), name);
          },
        };
      },
    },
  },
};

/** Returns the text of a doc comment, without its stars, its examples and its code. */
function prose(comment: string): string {
  return plain(comment.replace(/^\s*\*+ ?/gm, "").replace(/```[\s\S]*?```/g, "").trim());
}

function plain(text: string): string {
  return text.replace(/`[^`]*`/g, "`…`").replace(/\s+/g, " ");
}

/** Returns whether a call is `Deno.test(…)`, `t.step(…)`, or `test(…)` as of `testsAtOnce`. */
function isTest(callee: Deno.lint.Expression): boolean {
  if (callee.type === "Identifier") return callee.name === "test";
  if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return false;
  return callee.property.name === "step" ||
    callee.property.name === "test" && callee.object.type === "Identifier" && callee.object.name === "Deno";
}

export default plugin;
