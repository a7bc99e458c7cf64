import { useEffect, useState } from "./el.js";

/** A value that components watch. */
export class Store {
  #listeners = new Set();

  constructor(value) {
    this.value = value;
  }

  /** Sets the value, and renders the components that use it. */
  set(value) {
    if (value === this.value) return;
    this.value = value;
    for (const listener of this.#listeners) listener(value);
  }

  /** Calls `listener` at each change. Returns a function that ends this. */
  watch(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Returns the value of a store, and renders the component again when it changes. */
export function useStore(store) {
  const [, setValue] = useState(store.value);
  useEffect(() => {
    setValue(store.value);
    return store.watch((value) => setValue(() => value));
  }, [store]);
  return store.value;
}
