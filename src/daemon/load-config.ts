/** What the daemon was told: flags and environment over the configuration file over defaults. Unknown becomes `Config` here, once. */
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isCollection, isMap, isScalar, LineCounter, type Pair, parseDocument, type YAMLMap } from 'yaml';
import type { DaemonFlags } from '../core/daemon-flags.js';
import { RELAY_PORT } from '../rpc/relay-fields.js';
import { quoted } from '../rpc/text.js';
import { SYSTEM } from '../system/this-system.js';
import { type Config, configDefaults } from './config.js';
import { isKey, KEYS, OBSOLETE_KEYS, OTHER_KEYS } from './config-keys.js';
import { refuseReplaceable } from './directories.js';
import { StartError } from './start-error.js';
import { whoWrites } from './windows/ownership.js';

/** A configuration file may have this many bytes. */
const MAX_FILE = 65_536;
/** The group or all. */
const OTHERS_MAY_WRITE = 0o022;

/** Hears of keys that are understood and do nothing. */
type Warn = (warning: string) => void;

/** Rejects with a `StartError` that names the flag, or the file with line and key. */
export async function loadConfig(given: DaemonFlags, warn: Warn = () => undefined): Promise<Config> {
  const file = await readConfig(given.config, warn);
  const config = { ...configDefaults(), ...file, ...flags(given) };
  if (config.relayOffer && config.relayListen === null)
    throw new StartError(
      'bad-config',
      'relayOffer: expected a relay to offer with it (relayListen, or --relay), got none',
    );
  return config;
}

/** Keys whose flags are spelt otherwise. */
const FLAG: Readonly<Record<string, string>> = {
  logFormat: 'log-format',
  logFile: 'log-file',
  profileDir: 'profile-dir',
  dhtListen: 'dht-listen',
  relayListen: 'relay',
  relayTls: 'relay-tls',
  relays: 'use-relay',
  proxy: 'proxy',
};

/** Keys whose flags may be relative to where the daemon is started. */
const PATHS: ReadonlySet<string> = new Set(['state', 'socket', 'profileDir', 'save', 'logFile']);

function flags(given: DaemonFlags): Partial<Config> {
  const result: Partial<Record<keyof Config, unknown>> = {};
  const values: Partial<Record<keyof Config, unknown>> = {
    ...given,
    ...(given.useRelay === undefined ? {} : { relays: given.useRelay }),
    ...(given.relay === undefined ? {} : { relayListen: given.relay === true ? RELAY_PORT : given.relay }),
    relayTls: given.relayTls === true ? undefined : given.relayTls,
    hosts: typeof given.hosts === 'string' && given.hosts !== '' ? resolve(given.hosts) : given.hosts,
  };
  for (const key of [
    'state',
    'socket',
    'log',
    'logFormat',
    'logFile',
    'metrics',
    'profile',
    'profileDir',
    'save',
    'dht',
    'dhtListen',
    'relays',
    'relayListen',
    'relayTls',
    'proxy',
    'hosts',
  ] as const) {
    const value = values[key];
    if (value === undefined) continue;
    const isPath = PATHS.has(key);
    try {
      result[key] = KEYS[key].parse(isPath && typeof value === 'string' && value !== '' ? resolve(value) : value);
    } catch (error) {
      throw new StartError('bad-config', `--${FLAG[key] ?? key}: ${messageOf(error)}`);
    }
  }
  return {
    ...(result as Partial<Config>),
    ...(given.syslog ? { syslog: true } : {}),
    ...(given.relayOffer ? { relayOffer: true } : {}),
    ...(given.noLan ? { lan: false } : {}),
    ...(given.noPortMapping ? { portMapping: false } : {}),
  };
}

/** `path`: a file that must exist; undefined: the default one, which needn't. */
async function readConfig(path: string | undefined, warn: Warn): Promise<Partial<Config>> {
  const file = path ?? SYSTEM.config;
  try {
    const { text, owner, mode } = await readWhole(file);
    const config = parseConfig(text, file, warn);
    if (SYSTEM.name === 'windows') await refuseForeignOnWindows(file);
    else if (config.up !== undefined || config.down !== undefined) await refuseForeign(file, owner, mode);
    return config;
  } catch (error) {
    if (error instanceof StartError) throw error;
    if (path === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new StartError('bad-config', `the configuration can't be read: ${messageOf(error)}`);
  }
}

async function readWhole(path: string): Promise<{ text: string; owner: number; mode: number }> {
  const file = await open(path);
  try {
    const { uid, mode } = await file.stat();
    return { text: await file.readFile('utf8'), owner: uid, mode };
  } finally {
    await file.close();
  }
}

/** What's in the file is run: nobody else may have written it. */
async function refuseForeign(file: string, owner: number, mode: number): Promise<void> {
  const us = process.getuid?.() ?? owner;
  const why = 'up and down are commands, which run only from a file that';
  if (owner !== 0 && owner !== us)
    throw new StartError(
      'bad-config',
      `${file}: ${why} is root's or the daemon's; it's user ${owner}'s; try: chown root ${file}`,
    );
  if ((mode & OTHERS_MAY_WRITE) !== 0)
    throw new StartError('bad-config', `${file}: ${why} nobody else may write; try: chmod go-w ${file}`);
  await refuseReplaceable(resolve(file));
}

/** There anybody may put a file into the folder of programs' data, before the daemon makes its own folder there. */
async function refuseForeignOnWindows(file: string): Promise<void> {
  const who = whoWrites(resolve(file));
  if (who !== null)
    throw new StartError('bad-config', `${file}: expected a file that only administrators may write: ${who}`);
  await refuseReplaceable(resolve(file));
}

/** Looks at a configuration file, the usual one if none is named: which one it was, and what it warns of. Rejects as `loadConfig` does. */
export async function checkConfig(file = SYSTEM.config): Promise<{ file: string; warnings: string[] }> {
  const warnings: string[] = [];
  await loadConfig({ config: file }, (warning) => warnings.push(warning));
  return { file, warnings };
}

/** Parses the text of a configuration file; `file` is its name for messages. Throws a `StartError`. */
export function parseConfig(text: string, file: string, warn: Warn = () => undefined): Partial<Config> {
  if (Buffer.byteLength(text) > MAX_FILE)
    throw new StartError('bad-config', `${file}: expected at most ${MAX_FILE} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  const [problem] = document.errors;
  if (problem !== undefined) throw new StartError('bad-config', `${at(problem.pos[0])}: ${problem.message}`);
  if (document.contents === null) return {};
  if (!isMap(document.contents))
    throw new StartError('bad-config', `${at(0)}: expected keys with values, such as "lan: false"`);
  return entries(document.contents, at, warn);
}

function entries(map: YAMLMap, at: (offset: number) => string, warn: Warn): Partial<Config> {
  const result: Partial<Record<keyof Config, unknown>> = {};
  for (const pair of map.items as Pair[]) {
    const written = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
    const key = OTHER_KEYS.get(written) ?? written;
    const line = at(isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0);
    const obsolete = OBSOLETE_KEYS.get(written);
    if (obsolete !== undefined) {
      warn(`${line}: ${written} does nothing any more: ${obsolete}`);
      continue;
    }
    if (!isKey(key)) {
      const known = Object.keys(KEYS).join(', ');
      throw new StartError('bad-config', `${line}: unknown key ${quoted(written)}; expected one of ${known}`);
    }
    if (result[key] !== undefined)
      throw new StartError('bad-config', `${line}: ${written}: expected one of relay and relays, got both`);
    try {
      result[key] = KEYS[key].parse(plain(pair.value));
    } catch (error) {
      throw new StartError('bad-config', `${line}: ${written}: ${messageOf(error)}`);
    }
  }
  return result as Partial<Config>;
}

/** What a configuration's node holds, without what the parser knows of it. */
function plain(value: unknown): unknown {
  if (isScalar(value)) return value.value;
  return isCollection(value) ? value.toJSON() : value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
