/** How late the event loop is now, in ms: measured when somebody asks, so that it costs nothing else. */
export function loopLag(): Promise<number> {
  const asked = performance.now();
  return new Promise((resolve) => {
    setTimeout(() => resolve(performance.now() - asked), 0);
  });
}
