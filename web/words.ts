/** Numbers as people read them. */

/** `97.3 %`; an en dash where it is not known. */
export function percent(share: number | null | undefined, digits = 1): string {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`;
}

/** `12,345` */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** `4.2 s`, `3 min 20 s`, `1 h 5 min` */
export function duration(seconds: number): string {
  if (seconds < 99.5) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) % 60} s`;
  const whole = Math.round(seconds / 60);
  return `${Math.floor(whole / 60)} h ${whole % 60} min`;
}

/** `1 image`, `2 images` */
export function counted(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? "" : what.endsWith("ss") ? "es" : "s"}`;
}

/** Four digits of any number. */
export function number(value: number): string {
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6))
    return value.toExponential(1);
  return String(Number(value.toPrecision(4)));
}
