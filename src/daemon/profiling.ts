/** Profiles the daemon if it was asked to, at the end and whenever somebody sends SIGUSR2, and says in the log where the files are. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Config } from './config.js';
import type { Log } from './log.js';
import { StartError } from './start-error.js';

export interface Profiling {
  /** Writes what's left, and measures no more. */
  end(): Promise<void>;
}

/** Null: it wasn't asked for. Rejects with a `StartError` if the files can't be written where they should. */
export async function beginProfiling({ profile, profileDir, state }: Config, log: Log): Promise<Profiling | null> {
  if (profile === null) return null;
  if (profileDir !== null) await needDirectory(profileDir);
  const { Profile } = await import('./profile.js');
  const running = await Profile.begin(profile, profileDir ?? state);
  const tell = (written: Promise<string>) =>
    written.then(
      (path) => log.daemon.info({ path }, 'profile written'),
      (error: Error) => log.daemon.error({ error: error.message }, 'the profile could not be written'),
    );
  const onSignal = () => void tell(running.write());
  process.on('SIGUSR2', onSignal);
  return {
    end: async () => {
      process.off('SIGUSR2', onSignal);
      await tell(running.end());
    },
  };
}

async function needDirectory(path: string): Promise<void> {
  await access(path, constants.W_OK | constants.X_OK).catch((error: Error) => {
    throw new StartError(
      'bad-config',
      `--profile-dir: expected a directory to write to, got ${path}: ${error.message}`,
    );
  });
}
