/**
 * Reads a wheel's METADATA for what an extra of it requires.
 * Format: Python packaging's core metadata, `Requires-Dist: name<range ; marker` (PEP 508).
 */

/**
 * The requirements of one extra, as pip takes them: `nvidia-cublas-cu12<13.0,>=12.5.3.2`.
 * @param metadata the METADATA file's text
 * @param extra such as `and-cuda`
 */
export function requirementsOf(metadata: string, extra: string): string[] {
  // The headers end at the first empty line; what follows is the package's description.
  const headers = metadata.split(/\r?\n\r?\n/, 1)[0] ?? "";
  const requirements: string[] = [];
  for (const line of headers.split(/\r?\n/)) {
    const [, requirement, marker] = /^Requires-Dist:\s*([^;]+?)\s*;\s*(.*)$/i.exec(line) ?? [];
    if (requirement === undefined || marker === undefined) continue;
    const isOfExtra = new RegExp(`\\bextra\\s*==\\s*(["'])${extra}\\1`).test(marker);
    const isOfOtherSystem = /sys_platform\s*==\s*["'](?!linux)/.test(marker);
    // Older metadata writes the range in parentheses.
    if (isOfExtra && !isOfOtherSystem) requirements.push(requirement.replace(/[\s()]/g, ""));
  }
  return requirements;
}
