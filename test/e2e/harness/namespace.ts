/** One network namespace: a machine's network stack of its own. */
import { uniqueName } from './owner.js';
import { mustRun, Program, type Result, type RunOptions, run } from './shell.js';
import { ownNamespace, releaseNamespace } from './teardown.js';

export class Namespace {
  private constructor(readonly name: string) {}

  /** Makes one, with its loopback up. */
  static async make(label: string): Promise<Namespace> {
    const namespace = new Namespace(uniqueName(label));
    ownNamespace(namespace.name);
    await mustRun('ip', ['netns', 'add', namespace.name]);
    await namespace.ip('link set lo up');
    return namespace;
  }

  run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return run('ip', this.#inside(command, args), options);
  }

  start(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Program {
    return new Program('ip', this.#inside(command, args), env);
  }

  /** Carries out ip(8) commands here, one a line. */
  async ip(...lines: string[]): Promise<void> {
    await mustRun('ip', ['-n', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Sets kernel parameters, e.g. `net/ipv4/ip_forward`. */
  async sysctl(settings: Readonly<Record<string, string | number>>): Promise<void> {
    const lines = Object.entries(settings).map(([name, value]) => `echo ${value} > /proc/sys/${name}`);
    await mustRun('ip', this.#inside('sh', ['-ec', lines.join('\n')]));
  }

  remove(): void {
    releaseNamespace(this.name);
  }

  #inside(command: string, args: readonly string[]): string[] {
    return ['netns', 'exec', this.name, command, ...args];
  }
}
