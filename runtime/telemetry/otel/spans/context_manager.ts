import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

/** The values of all `AsyncLocalStorage` in which asynchronous code runs, by keys of their own. */
type AsyncContext = object | null | undefined;

/** The functions by which Deno's `AsyncLocalStorage` reads and sets them. They are not part of its public API. */
interface AsyncContexts {
  readonly getAsyncContext: () => AsyncContext;
  readonly setAsyncContext: (values: AsyncContext) => void;
}

/** Returns a manager of the active context: by Deno's own functions, if `AsyncLocalStorage` still uses them. */
export function contextManager(): AsyncLocalStorageContextManager {
  const contexts = asyncContexts();
  return contexts && holdStorages(contexts)
    ? new DirectContextManager(contexts)
    : new AsyncLocalStorageContextManager();
}

/** Returns whether the functions set and return the values of storages, and storages keep a value of another kind. */
function holdStorages({ getAsyncContext, setAsyncContext }: AsyncContexts): boolean {
  const storage = new AsyncLocalStorage<true>(), before = getAsyncContext(), context = ROOT_CONTEXT;
  try {
    setAsyncContext(new OnlyContext(context));
    const within = storage.run(true, getAsyncContext);
    setAsyncContext(within);
    return storage.getStore() === true && (within as Partial<OnlyContext>)[CONTEXT] === context;
  } catch {
    return false;
  } finally {
    setAsyncContext(before);
  }
}

function asyncContexts(): AsyncContexts | undefined {
  const { internal } = Deno as unknown as { internal?: symbol };
  const inside = internal &&
    (Deno as unknown as Record<symbol, { core?: Partial<AsyncContexts> } | undefined>)[internal];
  const { getAsyncContext, setAsyncContext } = inside?.core ?? {};
  const isKnown = typeof getAsyncContext === "function" && typeof setAsyncContext === "function";
  return isKnown ? { getAsyncContext, setAsyncContext } : undefined;
}

const CONTEXT = Symbol("context");

/** Values of which the active context is the only one. */
class OnlyContext {
  readonly [CONTEXT]: Context;

  constructor(context: Context) {
    this[CONTEXT] = context;
  }
}

/**
 * Keeps the active context beside the values of every `AsyncLocalStorage`. Hot path: Deno's `AsyncLocalStorage` copies
 * them into a dictionary, and writes to a weak map whose values survive young collections, see bench.
 */
class DirectContextManager extends AsyncLocalStorageContextManager {
  readonly #contexts: AsyncContexts;

  constructor(contexts: AsyncContexts) {
    super();
    this.#contexts = contexts;
  }

  override active(): Context {
    const values = this.#contexts.getAsyncContext() as Partial<OnlyContext> | null | undefined;
    return values?.[CONTEXT] ?? ROOT_CONTEXT;
  }

  override with<Args extends unknown[], Run extends (...args: Args) => ReturnType<Run>>(
    context: Context,
    run: Run,
    thisArg?: ThisParameterType<Run>,
    ...args: Args
  ): ReturnType<Run> {
    const { getAsyncContext, setAsyncContext } = this.#contexts, before = getAsyncContext();
    const isAlone = !before || before instanceof OnlyContext;
    setAsyncContext(isAlone ? new OnlyContext(context) : { __proto__: null, ...before, [CONTEXT]: context });
    try {
      return Reflect.apply(run, thisArg, args);
    } finally {
      setAsyncContext(before);
    }
  }
}
