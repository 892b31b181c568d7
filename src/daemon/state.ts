/**
 * The state directory: a master secret, a boot counter, and a file per network. One daemon at a time; all writes go
 * through `files.ts` and one after the other.
 */
import { randomBytes } from 'node:crypto';
import { chmod, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { SYSTEM } from '../system/this-system.js';
import { claimSocket, lockOf, releaseSocket } from './claim.js';
import { makePrivate } from './directories.js';
import { isLeftover, keepAside, readIfThere, removeSafely, writeSafely } from './files.js';
import { readSaveFile, writeSaveFile } from './save-file.js';
import { decodeSaved, encodeSaved, type SavedNetwork } from './saved.js';
import { decodePins, encodePins, type Pin } from './saved-pins.js';
import { StartError } from './start-error.js';

const MASTER_BYTES = 32;

export class State {
  /** Files that made no sense and were kept aside, in words. */
  readonly problems: string[] = [];
  private writing: Promise<unknown> = Promise.resolve();
  /** All networks that are kept, by id. */
  private readonly kept = new Map<string, SavedNetwork>();

  private constructor(
    private readonly directory: string,
    private readonly lock: Server,
    /** 32 random bytes: all identities of this daemon come from them. */
    readonly master: Uint8Array,
    private boot: number,
    /** Where the networks are kept as well, or null. */
    private readonly copy: string | null,
    /** What was in it at the start. */
    private readonly copied: readonly SavedNetwork[],
  ) {}

  /** `copy`: a file in which all networks are kept as well. Rejects with a `StartError` if one of them can't be used, or another daemon uses the directory. */
  static async open(directory: string, copy: string | null = null): Promise<State> {
    await makeDirectory(directory);
    const lock = createServer((socket) => socket.destroy());
    await claimSocket(lock, lockOf(directory), `another daemon uses the state directory ${directory}`);
    try {
      const problems: string[] = [];
      const copied = copy === null ? [] : await readSaveFile(copy);
      const master = await readSecret(join(directory, 'master'), 'the master secret', problems);
      const state = new State(directory, lock, master, await readBoot(join(directory, 'boot'), problems), copy, copied);
      state.problems.push(...problems);
      return state;
    } catch (error) {
      await releaseSocket(lock);
      throw unusable(directory, error);
    }
  }

  /** A number greater than every one that this gave before, in this run and in earlier ones: saved before it's returned. */
  nextBoot(): Promise<number> {
    return this.write(async () => {
      const boot = this.boot + 1;
      await writeSafely(join(this.directory, 'boot'), `${boot}\n`);
      this.boot = boot;
      return boot;
    });
  }

  /** All saved networks. Files that make no sense are kept aside and become `problems`. */
  async load(): Promise<SavedNetwork[]> {
    const folder = join(this.directory, 'networks');
    const networks: SavedNetwork[] = [];
    for (const name of (await readdir(folder)).sort()) {
      const path = join(folder, name);
      if (isLeftover(name)) await rm(path, { force: true });
      if (!name.endsWith('.json')) continue;
      const network = await this.read(path);
      if (network !== null) networks.push(network);
    }
    for (const network of networks) this.kept.set(network.id, network);
    return [...networks, ...(await this.loadCopied())];
  }

  save(network: SavedNetwork): Promise<void> {
    return this.write(async () => {
      await writeSafely(this.path(network.id), encodeSaved(network));
      this.kept.set(network.id, network);
      await this.writeCopy();
    });
  }

  remove(id: string): Promise<void> {
    return this.write(async () => {
      await removeSafely(this.path(id));
      this.kept.delete(id);
      await this.writeCopy();
    });
  }

  /** The X25519 key of this machine as a relay, 32 bytes: made at first use. */
  relayKey(): Promise<Uint8Array> {
    return this.write(() => readSecret(join(this.directory, 'relay-key'), 'the key of this relay', this.problems));
  }

  /** Pinned keys of relays by `HOST:PORT`. */
  async loadPins(): Promise<Map<string, Pin>> {
    const path = join(this.directory, 'relays.json');
    const text = await readIfThere(path);
    try {
      return text === null ? new Map() : decodePins(text);
    } catch (error) {
      this.problems.push(await setAside(path, 'the keys of relays', error));
      return new Map();
    }
  }

  savePins(pins: ReadonlyMap<string, Pin>): Promise<void> {
    return this.write(() => writeSafely(join(this.directory, 'relays.json'), encodePins(pins)));
  }

  async close(): Promise<void> {
    await this.writing.catch(() => undefined);
    await releaseSocket(this.lock);
  }

  /** Networks of the copy that aren't in the state directory: they are from now on. */
  private async loadCopied(): Promise<SavedNetwork[]> {
    if (this.copy === null) return [];
    const missing = this.copied.filter(({ id }) => !this.kept.has(id));
    for (const network of missing) await this.save(network);
    if (missing.length === 0) await this.write(() => this.writeCopy());
    return missing;
  }

  private async writeCopy(): Promise<void> {
    if (this.copy !== null) await writeSaveFile(this.copy, this.kept.values());
  }

  private async read(path: string): Promise<SavedNetwork | null> {
    try {
      return decodeSaved((await readIfThere(path)) ?? '');
    } catch (error) {
      this.problems.push(await setAside(path, 'a saved network', error));
      return null;
    }
  }

  private path(id: string): string {
    return join(this.directory, 'networks', `${id}.json`);
  }

  private write<T>(task: () => Promise<T>): Promise<T> {
    const done = this.writing.then(task, task);
    this.writing = done.catch(() => undefined);
    return done;
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await makePrivate(directory);
    await chmod(directory, 0o700);
    await makePrivate(join(directory, 'networks'));
  } catch (error) {
    throw unusable(directory, error);
  }
}

async function readSecret(path: string, what: string, problems: string[]): Promise<Uint8Array> {
  const text = await readIfThere(path);
  if (text !== null && /^[0-9a-f]{64}\n?$/.test(text)) return new Uint8Array(Buffer.from(text.trim(), 'hex'));
  if (text !== null) problems.push(await setAside(path, what, new Error(`expected ${MASTER_BYTES} bytes in hex`)));
  const master = randomBytes(MASTER_BYTES);
  await writeSafely(path, `${master.toString('hex')}\n`);
  return new Uint8Array(master);
}

async function readBoot(path: string, problems: string[]): Promise<number> {
  const text = await readIfThere(path);
  if (text === null) return 0;
  if (/^\d{1,10}\n?$/.test(text)) return Number(text);
  problems.push(await setAside(path, 'the boot counter', new Error('expected a number')));
  // Greater than what was lost, unless the daemon opened a network every second since 1970.
  return Math.floor(Date.now() / 1000);
}

async function setAside(path: string, what: string, error: unknown): Promise<string> {
  const aside = await keepAside(path);
  return `${what} could not be read (${error instanceof Error ? error.message : error}); the file was kept as ${aside}`;
}

function unusable(directory: string, error: unknown): StartError {
  if (error instanceof StartError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  const hint = denied
    ? `; run the daemon as one who may (${SYSTEM.advice.runDaemon}), or name another with --state`
    : '';
  return new StartError(
    denied ? 'permission-denied' : 'failed',
    `the state directory ${directory} can't be used: ${message}${hint}`,
  );
}
