/** Whoever has to wait is told so after a while, and then now and again. */
const [firstMs, nextMs] = [10_000, 60_000];

/**
 * Has something said after 10 seconds, and then once a minute. It keeps no process alive.
 * @returns ends it
 */
export function remarks(say: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const remark = () => {
    say();
    timer = setTimeout(remark, nextMs).unref();
  };
  timer = setTimeout(remark, firstMs).unref();
  return () => clearTimeout(timer);
}
