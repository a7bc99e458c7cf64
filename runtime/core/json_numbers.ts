/** Numbers in JSON that may have too many digits or too large an exponent. Text in strings may match too. */
const SUSPECT = /(?:^|[:,[\s])(-?(?:\d{16,}(?:\.\d+)?|\d[\d.]{17,}|\d+(?:\.\d+)?(?=[eE]))(?:[eE][+-]?\d+)?)/g;
/** Matches in each such number: it has many digits, or an exponent. Hot path: one expression for both, see bench. */
const MAYBE_INEXACT = /\d(?:\d{8}|[eE])/;
/** Significant digits that any double keeps. */
const DOUBLE_DIGITS = 17;

interface Decimal {
  /** Digits without zeros at either end. */
  readonly digits: string;
  /** Power of ten of the last digit. */
  readonly exponent: number;
}

/**
 * Returns the first number of a JSON text that parsing would change: it is too large, or has more digits than a double
 * holds (RFC 7493, 2.2). Hot path: a text is searched only if it seems to have such a number.
 */
export function inexactNumber(text: string): string | undefined {
  if (!MAYBE_INEXACT.test(text)) return undefined;
  if (!text.matchAll(SUSPECT).some(([, number]) => !isKept(number, Number(number)))) return undefined;
  let found: string | undefined;
  JSON.parse(text, (_key, value, context?: { source?: string }) => {
    const source = context?.source;
    if (typeof value === "number" && source !== undefined && !isKept(source, value)) found ??= source;
    return null; // the values are not needed
  });
  return found;
}

function isKept(source: string, value: number): boolean {
  const text = String(value);
  if (text === source) return true; // fast path
  if (!Number.isFinite(value)) return false;
  const given = decimalOf(source), kept = decimalOf(text);
  if (given.digits === kept.digits && (given.digits === "" || given.exponent === kept.exponent)) return true;
  // A fraction may be written with all digits of its double, such as 0.10000000000000001 for 0.1.
  const isFraction = given.exponent < 0 && Math.abs(value) < 2 ** 53; // larger doubles have no fraction
  return isFraction && given.digits.length <= DOUBLE_DIGITS && kept.digits !== "";
}

function decimalOf(text: string): Decimal {
  const [, whole = "", fraction = "", exponent = "0"] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const all = whole + fraction, digits = all.replace(/(?<!0)0+$/, "");
  return {
    digits: digits.replace(/^0+/, ""),
    exponent: Number(exponent) - fraction.length + all.length - digits.length,
  };
}
