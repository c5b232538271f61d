/** How long a server asks to wait. Source: RFC 9110, section 10.2.3. */

/**
 * The wait that a `Retry-After` header asks for, a number of seconds or a date, in milliseconds;
 * undefined where there is none that can be read.
 */
export function retryAfterMs(value: string | undefined, nowMs = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}
