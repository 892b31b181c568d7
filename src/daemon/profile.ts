/**
 * Where the daemon's time or memory goes, as V8 measures it: a file when it ends and at each SIGUSR2, which browsers' developer tools and
 * editors open. Of memory it's the sampling profile, which has who allocated how much and nothing of what's in there: a snapshot of the heap
 * would have every secret in it.
 */
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import type { ProfileKind } from '../rpc/fields.js';

/** Between two samples of the stack, in µs; between two of allocations, in bytes on average. */
const CPU_INTERVAL = 1_000;
const MEMORY_INTERVAL = 32_768;

const SUFFIX: Readonly<Record<ProfileKind, string>> = { cpu: 'cpuprofile', memory: 'heapprofile' };

export class Profile {
  private files = 0;
  private writing: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly kind: ProfileKind,
    private readonly directory: string,
    private readonly session: Session,
  ) {}

  /** Begins to measure. `directory`: where the files go; those that are there are left alone. */
  static async begin(kind: ProfileKind, directory: string): Promise<Profile> {
    const session = new Session();
    session.connect();
    const profile = new Profile(kind, directory, session);
    await profile.start();
    return profile;
  }

  /** Writes what was measured since it began, or was written last, and goes on. The file's path. One after the other. */
  write(): Promise<string> {
    const written = this.writing.then(async () => {
      const path = await this.store(await this.stop());
      await this.start();
      return path;
    });
    this.writing = written.catch(() => undefined);
    return written;
  }

  /** Writes the rest, and measures no more. The file's path. */
  async end(): Promise<string> {
    await this.writing;
    const path = await this.store(await this.stop());
    this.session.disconnect();
    return path;
  }

  private async start(): Promise<void> {
    if (this.kind === 'memory') {
      await this.session.post('HeapProfiler.startSampling', { samplingInterval: MEMORY_INTERVAL });
      return;
    }
    await this.session.post('Profiler.enable');
    await this.session.post('Profiler.setSamplingInterval', { interval: CPU_INTERVAL });
    await this.session.post('Profiler.start');
  }

  private async stop(): Promise<object> {
    const { profile } =
      this.kind === 'memory'
        ? await this.session.post('HeapProfiler.stopSampling')
        : await this.session.post('Profiler.stop');
    return profile;
  }

  /** For this user alone: the paths of the program's files stand in it. */
  private async store(profile: object): Promise<string> {
    const time = new Date().toISOString().replace(/[:.]/g, '-');
    const path = join(this.directory, `p2p-${process.pid}-${time}-${++this.files}.${SUFFIX[this.kind]}`);
    await writeFile(path, JSON.stringify(profile), { flag: 'wx', mode: 0o600 });
    return path;
  }
}
