/**
 * Unix sockets as locks: who listens on the path has it, and the kernel gives it back when the process dies. The file that
 * a killed process leaves behind is no obstacle.
 */
import { createHash, randomBytes } from 'node:crypto';
import { link, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { ownSid, setPipeAccess } from '../device/native-windows.js';
import { SYSTEM } from '../system/this-system.js';
import { refuseReplaceable } from './directories.js';
import { StartError } from './start-error.js';
import { pipeAccess } from './windows/access-list.js';

/** The kernel's `sockaddr_un` has 107 bytes for a name; nine are for the name under which a stale socket is looked at. */
const MAX_SOCKET_PATH = 98;

/** Who may connect. */
export interface Access {
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  /** The socket's group, which this process may take on; null: the process's own. */
  readonly group: number | null;
  /** Of a pipe of Windows: the identifier of a group that may use it besides administrators, or null. */
  readonly sid?: string | null;
}

const OWNER_ONLY: Access = { mode: 0o600, group: null };

/** Listens on `path`, which those may use whom `access` says from the first moment. Rejects with a `StartError` (`inUse` is its message) if someone else does. */
export async function claimSocket(server: Server, path: string, inUse: string, access = OWNER_ONLY): Promise<void> {
  if (isPipe(path)) return claimPipe(server, path, inUse, access);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    throw new StartError('bad-config', `expected a socket path of at most ${MAX_SOCKET_PATH} bytes, got ${path}`);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await refuseReplaceable(path);
    await removeStale(path, inUse);
    await listen(server, path, access);
  } catch (error) {
    throw explain(path, inUse, error);
  }
}

/** Rejects with a `StartError` if someone listens on `path`; leaves the path as it is. */
export async function refuseIfHeld(path: string, inUse: string): Promise<void> {
  try {
    const isThere = isPipe(path) || (await lstat(path)).isSocket();
    if (isThere && (await answers(path))) throw new StartError('already-running', inUse);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw explain(path, inUse, error);
  }
}

/** Stops listening; the file goes with it. */
export function releaseSocket(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** What's claimed to be the only one that uses `directory`. */
export function lockOf(directory: string): string {
  if (SYSTEM.name !== 'windows') return join(directory, 'lock');
  // Names of files are the same there in capitals.
  const name = createHash('sha256').update(directory.toLowerCase()).digest('hex').slice(0, 16);
  return `${PIPES}p2p-lock-${name}`;
}

/** The folder of all pipes of Windows. */
const PIPES = '\\\\.\\pipe\\';

function isPipe(path: string): boolean {
  return path.startsWith(PIPES);
}

/** A pipe is gone with its process, and only the first to make one of its name listens: Node asks for that. */
async function claimPipe(server: Server, path: string, inUse: string, access: Access): Promise<void> {
  try {
    if (await answers(path)) throw new StartError('already-running', inUse);
    await listen(server, path, OWNER_ONLY);
    setPipeAccess(path, pipeAccess(ownSid(), access.sid ?? null));
  } catch (error) {
    throw explain(path, inUse, error);
  }
}

async function removeStale(path: string, inUse: string): Promise<void> {
  const file = await lstat(path).catch(() => null);
  if (file === null) return;
  if (!file.isSocket()) throw new StartError('bad-config', `${path} exists and is no socket`);
  if (await answers(path)) throw new StartError('already-running', inUse);
  // Another daemon may be starting, and may have put its own socket here since: look again at what was really taken away.
  const taken = `${path}~${randomBytes(4).toString('hex')}`;
  if (!(await take(path, taken))) return;
  const alive = await answers(taken);
  if (alive) await link(taken, path);
  await rm(taken, { force: true });
  if (alive) throw new StartError('already-running', inUse);
}

/** Whether there was something to take. */
async function take(path: string, to: string): Promise<boolean> {
  try {
    await rename(path, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

/**
 * `listen` binds before it returns, and the kernel gives the socket the group and the permissions that the process has then. Changing them afterwards
 * would be a race with whoever may put something else at `path`.
 */
function listen(server: Server, path: string, { mode, group }: Access): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const own = process.getegid?.();
    const mask = process.umask(0o777 & ~mode);
    try {
      if (group !== null) process.setegid?.(group);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
      if (group !== null && own !== undefined) process.setegid?.(own);
    }
  });
}

function explain(path: string, inUse: string, error: unknown): StartError {
  if (error instanceof StartError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return new StartError('already-running', inUse);
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  return new StartError(denied ? 'permission-denied' : 'failed', `can't listen on ${path}: ${message}`);
}
