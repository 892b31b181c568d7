/** What `p2p ping` tells: a line per ping, every change of the path, and in the end a summary, or why nothing answered. */
import type { Result } from '../rpc/schema.js';
import { bareAddresses, duration, milliseconds } from './format.js';

type Ping = Result<'member.ping'>;
type Answer = NonNullable<Ping['answer']>;

/** Candidates that are named when nothing answered. */
const MAX_NAMED = 8;

export class PingStory {
  private readonly pings: Ping[] = [];
  private readonly paths: string[] = [];
  private lastReason = '';

  /** Takes a ping; the lines to print for it. */
  add(ping: Ping): string[] {
    const { peer, device, answer } = ping;
    const head = this.pings.length === 0 ? [`${nameOf(ping)} ${bareAddresses(peer.addresses)} on ${device}`] : [];
    this.pings.push(ping);
    return [...head, answer === null ? this.unanswered(ping) : this.answered(answer)];
  }

  summary(): string[] {
    const rtts = this.answers().map(({ rttMs }) => rttMs);
    const lost = 1 - rtts.length / Math.max(1, this.pings.length);
    const counts = `${this.pings.length} sent, ${rtts.length} answered, ${Math.round(lost * 100)} % lost`;
    if (rtts.length === 0) return ['', counts];
    const mean = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length;
    const [least, most] = [Math.min(...rtts), Math.max(...rtts)].map(milliseconds);
    const times = `RTT: least ${least}, mean ${milliseconds(mean)}, most ${most}`;
    const path = this.paths.length === 1 ? `path: ${this.paths[0]}, all the time` : `path: ${this.paths.join(' → ')}`;
    return ['', counts, times, path];
  }

  /** Why it counts as not connected; null if anything answered. */
  failure(): string | null {
    const last = this.pings.at(-1);
    if (last === undefined || this.answers().length > 0) return null;
    const { peer, candidates } = last;
    if (peer.state === 'connected') return `${nameOf(last)} is connected, but did not answer`;
    const why = peer.lastError === null ? '' : `: ${peer.lastError}`;
    return `${nameOf(last)} is not connected: it's ${peer.state}${why}; ${tried(candidates)}`;
  }

  /** The same for programs. */
  data(): object {
    const last = this.pings.at(-1);
    return {
      network: last?.network,
      member: last?.peer,
      sent: this.pings.length,
      answered: this.answers().length,
      pings: this.pings.map(({ answer, peer }) => ({ state: peer.state, answer })),
      candidates: last?.candidates ?? [],
    };
  }

  private answers(): Answer[] {
    return this.pings.flatMap(({ answer }) => answer ?? []);
  }

  private answered({ path, endpoint, rttMs }: Answer): string {
    const way = `${path} ${endpoint}`;
    const before = this.paths.at(-1);
    if (before !== way) this.paths.push(way);
    this.lastReason = '';
    const line = `${this.pings.length}: ${way} ${milliseconds(rttMs)}`;
    return before === undefined || before === way ? line : `${line}, no longer ${before}`;
  }

  /** The reason is told when it changes, not every time. */
  private unanswered({ peer }: Ping): string {
    const reason =
      peer.state === 'connected' ? '' : `: ${peer.state}${peer.lastError === null ? '' : `, ${peer.lastError}`}`;
    const isNews = reason !== this.lastReason;
    this.lastReason = reason;
    return `${this.pings.length}: no answer${isNews ? reason : ''}`;
  }
}

function nameOf({ peer }: Ping): string {
  return `${peer.name} (${peer.id})`;
}

function tried(candidates: Ping['candidates']): string {
  if (candidates.length === 0) return 'no endpoint of it is known';
  const named = candidates.slice(0, MAX_NAMED).map(({ endpoint, tries, triedMs, answeredMs }) => {
    const last = triedMs === null ? '' : `, last ${duration(triedMs)} ago`;
    const answered = answeredMs === null ? '' : `, answered ${duration(answeredMs)} ago`;
    return `${endpoint} (${tries === 1 ? 'once' : `${tries} times`}${last}${answered})`;
  });
  const rest = candidates.length - named.length;
  return `tried: ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
