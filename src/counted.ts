/**
 * `1 step`, `3 steps`: a number of things.
 * @param many of what has no plural in s
 */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
