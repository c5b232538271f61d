/** Words of a command as a shell reads them. It imports nothing, since pages show commands too. */

/** A text as a POSIX shell takes it for one word. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
