/** Runs of a session that were asked for and have not ended: closing the session settles them at once. */
import { SessionError } from "./session.js";

export class PendingRuns {
  private readonly rejections = new Set<(error: Error) => void>();

  /**
   * Settles as the run does.
   * @throws SessionError where `abandon` was called before
   */
  async settled<T>(run: Promise<T>): Promise<T> {
    let abandon: ((error: Error) => void) | undefined;
    const abandoned = new Promise<never>((_, reject) => {
      abandon = reject;
    });
    this.rejections.add(abandon!);
    try {
      return await Promise.race([run, abandoned]);
    } finally {
      this.rejections.delete(abandon!);
    }
  }

  /** Settles all of them: the session is closed. */
  abandon(): void {
    for (const reject of this.rejections) reject(closedMeanwhile());
    this.rejections.clear();
  }
}

/** What becomes of a run whose session was closed. */
export function closedMeanwhile(): SessionError {
  return new SessionError("the session was closed before the run had ended", "CANCELLED");
}
