/** Where a command writes: data to stdout, all else to stderr. */

/** Version of the shape of what `--json` prints; it grows when a field changes its meaning or goes. */
export const JSON_VERSION = 1;

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(data: object): void {
  print(JSON.stringify({ version: JSON_VERSION, ...data }, null, 2));
}

/** The same as one line, where one follows the other. */
export function jsonLine(data: object): string {
  return JSON.stringify({ version: JSON_VERSION, ...data });
}

/** One line of many: JSON that a program can read as it comes. */
export function printJsonLine(data: object): void {
  print(jsonLine(data));
}

/** A line for the person at the terminal. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A reader that has seen enough (`p2p show | head -1`) is no error. */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      process.exit(error.code === 'EPIPE' ? 0 : 1);
    });
  }
}
