/** `make sim`: plays one seed and tells what happened, or N new ones and tells the seeds of those that failed. */
import { play, seedsToPlay } from './scenario.js';

const DEFAULT_RUNS = 20;
const { SEED = '', N = '', MEMBERS = '' } = process.env;

function number(name: string, text: string, otherwise: number): number {
  if (text === '') return otherwise;
  if (/^\d{1,9}$|^\d{10}$/.test(text)) return Number(text);
  console.error(`${name} must be a whole number, got ${text}`);
  process.exit(2);
}

const members = number('MEMBERS', MEMBERS, 8);
number('SEED', SEED, 0);
let failed = 0;
for (const seed of seedsToPlay([], number('N', N, DEFAULT_RUNS))) {
  const began = performance.now();
  const { story, failure, framesDelivered, convergedMs } = play(seed, members);
  if (SEED !== '' || failure !== null) console.log(story.join('\n'));
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const result =
    failure === null ? `together ${((convergedMs ?? 0) / 1000).toFixed(1)} s after the last fault` : 'BROKEN';
  console.log(`SEED=${seed}: ${result}, ${framesDelivered} frames delivered, ${seconds} s`);
  if (failure !== null) failed++;
}
if (failed > 0) console.log(`${failed} failed; SEED=… make sim plays one again`);
process.exitCode = failed > 0 ? 1 : 0;
