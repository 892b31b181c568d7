/** `--watch`: the same picture again and again, redrawn on a terminal, appended where it changed elsewhere. */
import { setTimeout as pause } from 'node:timers/promises';
import { Option } from 'commander';
import { printable } from '../rpc/text.js';

/** From one picture to the next, in ms. */
const INTERVAL = 1_000;

const ENTER = '\x1b[?1049h\x1b[?25l'; // the other screen, without a cursor
const LEAVE = '\x1b[?25h\x1b[?1049l';

export function watchFlag(): Option {
  return new Option('--watch', 'again every second, until interrupted; off a terminal only what changed');
}

/** Shows what `picture` gives until SIGINT or SIGTERM. `title`: what's watched. */
export async function watch(title: string, picture: () => Promise<string>): Promise<void> {
  const ending = new AbortController();
  const end = () => ending.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  try {
    if (process.stdout.isTTY) await redraw(title, picture, ending.signal);
    else await append(picture, ending.signal);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  }
}

/** On a terminal the daemon may go and come: that's part of the picture. */
async function redraw(title: string, picture: () => Promise<string>, ending: AbortSignal): Promise<void> {
  const { stdout } = process;
  let text = '';
  const draw = () => stdout.write(frame(title, text, stdout.columns, stdout.rows));
  stdout.write(ENTER);
  stdout.on('resize', draw);
  try {
    while (!ending.aborted) {
      text = await picture().catch((error: Error) => `p2p: ${printable(error.message)}`);
      if (!ending.aborted) draw();
      await pause(INTERVAL, undefined, { signal: ending }).catch(() => undefined);
    }
  } finally {
    stdout.off('resize', draw);
    stdout.write(`${LEAVE}${text}\n`); // the last picture stays
  }
}

async function append(picture: () => Promise<string>, ending: AbortSignal): Promise<void> {
  let before: string | null = null;
  while (!ending.aborted) {
    const text = await picture();
    if (text !== before) process.stdout.write(`${text}\n`);
    before = text;
    await pause(INTERVAL, undefined, { signal: ending }).catch(() => undefined);
  }
}

/** One picture, cut to the terminal so that no line wraps and nothing scrolls. */
export function frame(title: string, text: string, columns: number, rows: number): string {
  const clock = new Date().toTimeString().slice(0, 8);
  const lines = [`${title}   ${clock}   Ctrl-C ends it`, '', ...text.split('\n')].slice(0, Math.max(1, rows));
  const cut = lines.map((line) => `${[...line].slice(0, columns).join('')}\x1b[K`);
  return `\x1b[H${cut.join('\r\n')}\x1b[J`;
}
