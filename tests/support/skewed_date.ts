const RealDate = Date;
let skewMs = 0;

/** The `Date` of a process whose clock is wrong. */
class SkewedDate extends RealDate {
  constructor(...[at = SkewedDate.now()]: [at?: number | string | Date]) {
    super(at);
  }

  static override now = (): number => RealDate.now() + skewMs;
}

/** Sets the clock of this process by that many milliseconds off the right time, until it is disposed of. */
export function setClock(offByMs: number): Disposable {
  skewMs = offByMs;
  globalThis.Date = SkewedDate as DateConstructor;
  return { [Symbol.dispose]: () => void (globalThis.Date = RealDate) };
}

/** The right time, whatever `setClock` has set. */
export const rightNow = (): number => RealDate.now();
