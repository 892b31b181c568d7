/** From argv to an exit code. Nothing that goes wrong shows more than a sentence. */
import { CommanderError } from 'commander';
import { printable } from '../rpc/text.js';
import { prepare } from './argv.js';
import type { Hooks } from './context.js';
import { EXITS, exitCode } from './exit.js';
import { endQuietlyOnClosedPipe, tell } from './output.js';
import { buildProgram } from './program.js';

/** Runs the command that `args` (without node and script) name. */
export async function run(args: readonly string[], hooks: Hooks): Promise<number> {
  endQuietlyOnClosedPipe();
  let code: number = EXITS.ok.code;
  const program = buildProgram(hooks, (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync(prepare(args, program, process.env), { from: 'user' });
    return code;
  } catch (error) {
    // The argument parser has said its part already.
    if (!(error instanceof CommanderError)) tell(`p2p: ${describe(error)}`);
    return exitCode(error);
  }
}

function describe(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}
