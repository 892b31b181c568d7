/** Asks the system's programs, and remembers what they said: whoever wants to know gets the answer of the last look at once. */
import { execFile } from 'node:child_process';
import type { ProgramCall } from '../../system/system.js';
import { type Found, type Look, NOTHING } from './found.js';

/** A program gets this long, in ms; PowerShell takes seconds to start. */
const LIMIT_MS = 15_000;
/** Of what a program writes so many bytes are read; with more, its answer doesn't count. */
const MAX_OUTPUT = 2 ** 20;

export class Looker {
  found: Found = NOTHING;
  private looking: Promise<void> | null = null;
  private next: Promise<void> | null = null;

  constructor(private readonly way: Look) {}

  /** Resolves when `found` is what holds now, or at least what was to be had. One look at a time, and at most one that waits for it: that one serves all who asked meanwhile. */
  look(): Promise<void> {
    if (this.looking === null) return this.begin();
    this.next ??= this.looking.then(() => {
      this.next = null;
      return this.begin();
    });
    return this.next;
  }

  private begin(): Promise<void> {
    this.looking = Promise.all(this.way.calls.map(output)).then((texts) => {
      this.found = this.way.parse(texts);
      this.looking = null;
    });
    return this.looking;
  }
}

/** What a program wrote; empty if it failed. */
function output([program, ...args]: ProgramCall): Promise<string> {
  const limits = { timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT, windowsHide: true } as const;
  return new Promise((resolve) => {
    execFile(program, args, limits, (error, stdout) => resolve(error === null ? stdout : ''));
  });
}
