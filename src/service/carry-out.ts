/** Carries out the steps of a service manager, on this system. */
import { spawn } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Step } from './manager.js';

/** `status` is what a program ended with, or null if it couldn't be run. */
export class FailedStep extends Error {
  constructor(
    readonly status: number | null,
    message: string,
  ) {
    super(message);
    this.name = 'FailedStep';
  }
}

/** Rejects with what the first step that failed said; those after it aren't taken. */
export async function carryOut(steps: readonly Step[]): Promise<void> {
  for (const step of steps) await carryOutOne(step);
}

async function carryOutOne(step: Step): Promise<void> {
  if (step.do === 'remove') return rm(step.path, { force: true });
  if (step.do === 'write') return replace(step.path, step.text, step.mode);
  const { status, said } = await run(step.command, 'pipe');
  if (status === 0 || step.mayFail) return;
  throw new FailedStep(
    status,
    `${step.command.join(' ')} ${status === null ? 'could not be run' : `ended with ${status}`}: ${inOneLine(said)}`,
  );
}

function inOneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join('; ');
}

/** Never half a file: whoever reads it meanwhile has the former one. */
async function replace(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const next = `${path}.new`;
  await rm(next, { force: true });
  await writeFile(next, text, { mode, flag: 'wx' });
  await rename(next, path);
}

/** Runs a program; `status` is null if it couldn't be started or was killed. `said`: what it wrote, if that's piped. */
export function run(
  [program, ...args]: readonly [string, ...string[]],
  output: 'pipe' | 'inherit',
): Promise<{ readonly status: number | null; readonly said: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', output, output] });
    const parts: Buffer[] = [];
    child.stdout?.on('data', (data: Buffer) => parts.push(data));
    child.stderr?.on('data', (data: Buffer) => parts.push(data));
    child.on('error', ({ message }) => resolve({ status: null, said: message }));
    child.on('close', (status) => resolve({ status, said: Buffer.concat(parts).toString('utf8').trim() }));
  });
}
