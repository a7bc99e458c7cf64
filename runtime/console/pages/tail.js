import { queryOf } from "./api.js";
import { useEffect, useRef, useState } from "./el.js";
import { listen } from "./stream.js";

/** Rows that are kept. Older ones leave. */
const MAX_ROWS = 200;
/** Slices over which shown and total are added up, so that the figure is calm. */
const SLICES = 20;

const NOTHING = { rows: [], counts: [], processes: undefined, denied: undefined, open: undefined };

/**
 * Watches events and outcomes live, with filters. While `held`, what comes is kept aside.
 *
 * @returns {{ rows: any[], shown: number, total: number, unread: number, waiting: number, processes?: number, denied?: string, open?: boolean }}
 */
export function useTail(filters, held) {
  const [state, setState] = useState(NOTHING);
  const aside = useRef([]), isHeld = useRef(held);
  isHeld.current = held;
  const path = `events/tail${queryOf(filters)}`;
  useEffect(() => {
    setState(NOTHING);
    aside.current = [];
    const rows = (slice) => {
      if (isHeld.current) aside.current = [...slice.rows.toReversed(), ...aside.current].slice(0, MAX_ROWS);
      const added = isHeld.current ? [] : slice.rows.toReversed();
      setState((former) => ({
        ...former,
        rows: added.length ? [...added, ...former.rows].slice(0, MAX_ROWS) : former.rows,
        counts: [...former.counts, slice].slice(-SLICES),
      }));
    };
    return listen(path, {
      rows,
      processes: ({ count }) => setState((former) => ({ ...former, processes: count })),
      denied: ({ subject }) => setState((former) => ({ ...former, denied: subject })),
    }, (open) => setState((former) => former.open === open ? former : { ...former, open }));
  }, [path]);
  useEffect(() => {
    if (held || aside.current.length === 0) return;
    const came = aside.current;
    aside.current = [];
    setState((former) => ({ ...former, rows: [...came, ...former.rows].slice(0, MAX_ROWS) }));
  }, [held]);
  const sum = (name) => state.counts.reduce((sum, slice) => sum + (slice[name] ?? 0), 0);
  return { ...state, shown: sum("shown"), total: sum("total"), unread: sum("unread"), waiting: aside.current.length };
}
