import { el, useEffect, useState } from "./el.js";
import { Failed, Loading } from "./parts.js";

/** Makes a page of a module that is imported when the page is first shown. @param {() => Promise<{ default: Function }>} load */
export function lazy(load, title) {
  let loaded;
  const get = async () => loaded ??= { component: (await load()).default };
  function Page(props) {
    const [state, setState] = useState(loaded);
    useEffect(() => {
      if (loaded) return;
      get().then(setState, (error) => setState({ error }));
    }, []);
    if (state?.error) return el(Failed, { error: state.error, onRetry: () => location.reload() });
    return state ? el(state.component, props) : el(Loading);
  }
  return { Page, title, preload: () => get().catch(() => {}) };
}
