/** Text for people's terminals out of names that anybody may have chosen: of classes, files, runs. */

// What moves the cursor, colours what follows, or types answers into a terminal.
const control = /[^\P{Cc}\t]/gu;
const controlInLines = /[^\P{Cc}\t\n]/gu;

/** One line: control characters, line breaks among them, as `\\x1b`. */
export function visibleLine(text: string): string {
  return text.replace(control, escaped);
}

/** Lines: as `visibleLine`, with their line breaks. */
export function visibleLines(text: string): string {
  return text.replace(controlInLines, escaped);
}

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
