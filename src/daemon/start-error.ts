/** Why the daemon could not start; `reason` is what the exit code is chosen by. */
export class StartError extends Error {
  constructor(
    readonly reason: 'already-running' | 'bad-config' | 'permission-denied' | 'failed',
    message: string,
  ) {
    super(message);
    this.name = 'StartError';
  }
}
