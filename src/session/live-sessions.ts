/** The sessions with one peer that can still be opened: which are confirmed, which have to make room. */

import type { KeyEntry } from './key-queue.js';

/** Confirmed sessions that are kept: the newest, and the one before it for datagrams that are under way. */
const KEPT_SESSIONS = 2;

export type Role = 'initiator' | 'responder';

export interface LiveSession {
  readonly localIndex: number;
  readonly role: Role;
  /** When it began, in ms. */
  readonly since: number;
  /** Whether a datagram of the peer has confirmed it. */
  readonly heard: boolean;
  /** The pre-shared key that it was made with. */
  readonly key: KeyEntry;
}

/** Each change returns the local indices of the sessions that are dropped by it. */
export class LiveSessions {
  /** Newest first. */
  private sessions: readonly LiveSession[] = [];

  all(): readonly LiveSession[] {
    return this.sessions;
  }

  get(localIndex: number): LiveSession | undefined {
    return this.sessions.find((session) => session.localIndex === localIndex);
  }

  get established(): boolean {
    return this.sessions.some(({ heard }) => heard);
  }

  /** The key of the newest session that's confirmed. */
  get key(): KeyEntry | null {
    return this.sessions.find(({ heard }) => heard)?.key ?? null;
  }

  add(session: LiveSession): number[] {
    this.sessions = [session, ...this.sessions];
    return this.trim();
  }

  confirm(localIndex: number): number[] {
    this.sessions = this.sessions.map((session) =>
      session.localIndex === localIndex ? { ...session, heard: true } : session,
    );
    return this.trim();
  }

  remove(localIndex: number): void {
    this.dropWhere((session) => session.localIndex === localIndex);
  }

  dropUnheard(): number[] {
    return this.dropWhere(({ heard }) => !heard);
  }

  dropUnder(isOver: (key: KeyEntry) => boolean): number[] {
    return this.dropWhere(({ key }) => isOver(key));
  }

  clear(): number[] {
    return this.dropWhere(() => true);
  }

  private trim(): number[] {
    const kept = this.sessions.filter(({ heard }) => heard).slice(0, KEPT_SESSIONS);
    return this.dropWhere((session) => session.heard && !kept.includes(session));
  }

  private dropWhere(isDoomed: (session: LiveSession) => boolean): number[] {
    const doomed = this.sessions.filter(isDoomed);
    this.sessions = this.sessions.filter((session) => !isDoomed(session));
    return doomed.map(({ localIndex }) => localIndex);
  }
}
