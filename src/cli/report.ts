/** What a bug report holds, and the archive that it's written to. No secret gets in: what's known to be one is taken out of all text. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { arch, platform, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import type { Result } from '../rpc/schema.js';
import type { ProgramCall } from '../system/system.js';
import { SYSTEM } from '../system/this-system.js';
import { Exit } from './exit.js';
import { ownVersion } from './own-version.js';

const execute = promisify(execFile);

type Asked = 'daemon.version' | 'daemon.debug' | 'daemon.netcheck' | 'daemon.status';
type Ask = <M extends Asked>(method: M) => Promise<Result<M>>;

interface Part {
  readonly name: string;
  readonly means: string;
  readonly text: string;
}

export interface Content {
  readonly name: string;
  readonly means: string;
  readonly bytes: number;
}

/** Folder within the archive. */
const FOLDER = 'p2p-bugreport';
const LOG_LINES = 2_000;
/** Programs get this long, in ms, and may say this much, in bytes. */
const LIMITS = { timeout: 10_000, maxBuffer: 8 * 2 ** 20 };

/** Gathers everything; what can't be had is a sentence that says so. `daemonLog`: what the daemon remembers of its log, as text. */
export async function collect(ask: Ask, daemonLog: () => Promise<string>, configFile: string): Promise<Part[]> {
  const daemon = async (method: Asked) =>
    ask(method).then(
      (answer) => JSON.stringify(answer, null, 2),
      (error: Error) => error.message,
    );
  const parts: Part[] = [
    { name: 'versions.json', means: 'this command, the daemon, the system', text: await versions(ask) },
    { name: 'debug.json', means: 'p2p debug --json', text: await daemon('daemon.debug') },
    { name: 'netcheck.json', means: 'p2p netcheck --json', text: await daemon('daemon.netcheck') },
    { name: 'config.txt', means: 'which keys the configuration has', text: await configuration(configFile) },
    {
      name: 'network.txt',
      means: "this machine's interfaces, addresses and routes",
      text: await programs(SYSTEM.looks),
    },
    {
      name: 'daemon-log.txt',
      means: 'the last lines of its log that the daemon remembers',
      text: await daemonLog().catch((error: Error) => error.message),
    },
    {
      name: 'log.txt',
      means: 'the last lines of the log that the service keeps',
      text: await program(SYSTEM.serviceLog(LOG_LINES)),
    },
  ];
  const secrets = await knownSecrets(ask);
  return parts.map((part) => ({ ...part, text: redact(part.text, secrets) }));
}

/** Writes the archive, readable for its owner alone; what's in it. Rejects if it's there already. */
export async function writeArchive(file: string, parts: readonly Part[]): Promise<Content[]> {
  const directory = await mkdtemp(join(tmpdir(), 'p2p-bugreport-'));
  try {
    await mkdir(join(directory, FOLDER));
    for (const { name, text } of parts) await writeFile(join(directory, FOLDER, name), `${text.trimEnd()}\n`);
    await reserve(file);
    await execute('tar', ['-czf', file, '-C', directory, FOLDER]).catch((error: Error) => {
      throw new Exit('failure', `the archive can't be written: ${error.message.split('\n')[0]}`);
    });
    await chmod(file, 0o600);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return parts.map(({ name, means, text }) => ({ name, means, bytes: Buffer.byteLength(`${text.trimEnd()}\n`) }));
}

/** Makes the file empty and private, before anything is in it. */
async function reserve(file: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600).catch((error: Error) => {
    throw new Exit('failure', `the archive can't be written: ${error.message}`);
  });
  await handle.close();
}

async function versions(ask: Ask): Promise<string> {
  const daemon = await ask('daemon.version').then(
    ({ version }) => version,
    (error: Error) => error.message,
  );
  const system = await readFile('/etc/os-release', 'utf8').then(
    (text) => /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? '',
    () => '',
  );
  const about = { command: await ownVersion(), daemon, node: process.version, platform: platform(), arch: arch() };
  return JSON.stringify({ ...about, kernel: release(), system }, null, 2);
}

/** Keys, with those values that can't be secrets: switches and numbers. */
async function configuration(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => error);
  if (text instanceof Error) return `${file}: ${text.message}`;
  const value: unknown = readYaml(text);
  if (typeof value !== 'object' || value === null) return `${file}: no keys`;
  const shown = (each: unknown) => (typeof each === 'boolean' || typeof each === 'number' ? String(each) : '(set)');
  return [file, ...Object.entries(value).map(([key, each]) => `${key}: ${shown(each)}`)].join('\n');
}

function readYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return null; // the parser's message quotes the file
  }
}

async function programs(all: readonly ProgramCall[]): Promise<string> {
  const parts: string[] = [];
  for (const each of all) parts.push(`$ ${each.join(' ')}\n${await program(each)}`);
  return parts.join('\n\n');
}

async function program([name, ...args]: ProgramCall): Promise<string> {
  return execute(name, args, LIMITS).then(
    ({ stdout }) => stdout.trimEnd(),
    (error: Error) => `${name} can't be asked: ${error.message.split('\n')[0]}`,
  );
}

/** The hashes of this machine's networks, each with what stands for it. */
async function knownSecrets(ask: Ask): Promise<ReadonlyMap<string, string>> {
  return ask('daemon.status').then(
    ({ networks }) => new Map(networks.map(({ hash, id }) => [hash, `[hash of ${id}]`])),
    () => new Map<string, string>(),
  );
}

/** Where it stands alone: a hash that's called `a` isn't in every word. */
function replaceWord(text: string, secret: string, name: string): string {
  const forms = [secret, JSON.stringify(secret).slice(1, -1)].map((form) =>
    form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
  );
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}])(?:${forms.join('|')})(?![\\p{L}\\p{N}])`, 'gu'), () => name);
}

/** The longest first, as one may be part of another; also as JSON has it. And passwords in URLs. */
export function redact(text: string, secrets: ReadonlyMap<string, string>): string {
  const all = [...secrets].sort(([a], [b]) => b.length - a.length);
  const without = all.reduce((rest, [secret, name]) => replaceWord(rest, secret, name), text);
  return without.replace(/\/\/[^/@\s"]+@/g, '//[password]@');
}
