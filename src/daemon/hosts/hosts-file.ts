/** The system's hosts file: our block in it is written anew, everything else stays byte for byte as it is. */
import { constants, fstat, fsync, ftruncate, write } from 'node:fs';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Tag } from './block.js';

/** A hosts file may have this many bytes: lists against advertising have some millions. */
const MAX_BYTES = 64 * 2 ** 20;
/** How often it's begun anew because somebody else wrote the file meanwhile. */
const MAX_TRIES = 10;
/** Text that isn't UTF-8 has to stay as it is, too. */
const ENCODING = 'latin1';
/** Why a file can't be replaced by another: it's mounted there by itself, or the directory isn't ours to write to. Then it's written in place. */
const NOT_REPLACEABLE = new Set(['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS']);
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** What a file was like when it was read. */
export interface Version {
  readonly device: bigint;
  readonly inode: bigint;
  readonly size: bigint;
  readonly modifiedNs: bigint;
}

interface Content {
  readonly text: string;
  readonly version: Version;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
}

/**
 * Rewrites a hosts file: `change` gets its text (a byte per character) and gives the new one. Owner and mode stay. Resolves to what the file is like then. `held`: the file's descriptor, from
 * somebody with the rights for it; then it's written in place. Rejects with the system's error, or if others write it all the time.
 */
export async function rewrite(
  path: string,
  tag: Tag,
  held: number | null,
  change: (text: string) => string,
): Promise<Version> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const place = await realpath(path);
    const before = await read(place);
    const text = change(before.text);
    if (text === before.text) return before.version;
    // Read again in any case: what another daemon, or a person, wrote at the same moment may have taken the place of ours.
    if (held === null) await replace(place, tag, before, text);
    else await writeInPlace(held, before.version, text);
  }
  throw new Error(`others write ${path} all the time`);
}

export function sameVersion(a: Version | null, b: Version | null): boolean {
  if (a === null || b === null) return a === b;
  return a.device === b.device && a.inode === b.inode && a.size === b.size && a.modifiedNs === b.modifiedNs;
}

export async function versionOf(path: string): Promise<Version> {
  return version(await stat(path, { bigint: true }));
}

async function read(place: string): Promise<Content> {
  const file = await open(place, O_RDONLY | O_NOFOLLOW);
  try {
    const found = await file.stat({ bigint: true });
    if (!found.isFile()) throw new Error(`expected a file, got something else at ${place}`);
    if (found.size > MAX_BYTES) throw new Error(`expected at most ${MAX_BYTES} bytes in ${place}, got ${found.size}`);
    const text = await file.readFile(ENCODING);
    const [mode, uid, gid, links] = [found.mode & 0o7777n, found.uid, found.gid, found.nlink].map(Number);
    return { text, version: version(found), mode: mode ?? 0, uid: uid ?? 0, gid: gid ?? 0, links: links ?? 1 };
  } finally {
    await file.close();
  }
}

/** Another file in its place, at once; nothing if somebody else wrote it meanwhile. */
async function replace(place: string, tag: Tag, before: Content, text: string): Promise<void> {
  const temporary = join(dirname(place), `.hosts.p2p-${tag}`);
  try {
    if (before.links > 1) throw Object.assign(new Error('it has other names'), { code: 'EPERM' });
    await rm(temporary, { force: true });
    await create(temporary, before, text);
    if (sameVersion(await versionOf(place), before.version)) await rename(temporary, place);
    return;
  } catch (error) {
    if (!NOT_REPLACEABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
  const file = await open(place, O_RDWR | O_NOFOLLOW);
  try {
    await writeInPlace(file.fd, before.version, text);
  } finally {
    await file.close();
  }
}

/** Nobody may write to it before it has its owner. */
async function create(path: string, { uid, gid, mode }: Content, text: string): Promise<void> {
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(text, ENCODING);
    const own = await file.stat();
    if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without a moment at which lines are missing: over what's there, and what's too much is cut off then. Nothing if it was written meanwhile. */
async function writeInPlace(file: number, before: Version, text: string): Promise<void> {
  const now = version(await promisify(fstat)(file, { bigint: true }));
  if (now.inode !== before.inode || now.device !== before.device)
    throw new Error('another file has taken its place since the daemon got it; restart the daemon');
  if (!sameVersion(now, before)) return;
  const bytes = Buffer.from(text, ENCODING);
  for (let written = 0; written < bytes.length; )
    written += (await promisify(write)(file, bytes, written, bytes.length - written, written)).bytesWritten;
  await promisify(ftruncate)(file, bytes.length);
  await promisify(fsync)(file);
}

function version({ dev, ino, size, mtimeNs }: { dev: bigint; ino: bigint; size: bigint; mtimeNs: bigint }): Version {
  return { device: dev, inode: ino, size, modifiedNs: mtimeNs };
}
