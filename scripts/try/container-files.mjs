// Says what platform/container's files say, a line for each: container-files.mjs steps | entrypoint | healthcheck | context |
// service KEY. Steps are the Dockerfile's instructions in their order, each on one line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const FOLDER = 'platform/container';

const steps = readFileSync(join(FOLDER, 'Dockerfile'), 'utf8')
  .replace(/^\s*#.*\n/gm, '')
  .replace(/\\\n/g, '')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '');
const { p2p: service } = parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8')).services;

/** The words of the one instruction of that name that ends in a JSON array. */
function words(instruction) {
  const [step, ...more] = steps.filter((step) => step.startsWith(`${instruction} `));
  if (step === undefined || more.length > 0) throw new Error(`expected one ${instruction}`);
  return JSON.parse(step.slice(step.indexOf('[')));
}

const answers = {
  steps: () => steps,
  entrypoint: () => words('ENTRYPOINT'),
  healthcheck: () => words('HEALTHCHECK'),
  context: () => [join(FOLDER, service.build.context)],
  service: (key) => [service[key] ?? []].flat(),
};

const [what, ...args] = process.argv.slice(2);
for (const line of answers[what](...args)) console.log(line);
