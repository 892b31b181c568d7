/** A file that crosses the overlay by TCP while a test does something to the way, and that has to arrive as it was. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.js';
import type { Program } from './shell.js';
import { GiveUp, waitFor } from './wait.js';

const PORT = '8000';

export class Transfer {
  private constructor(
    private readonly content: Buffer,
    private readonly target: string,
    private readonly server: Program,
    private readonly client: Program,
  ) {}

  /** `from` offers `mebibytes` at its overlay address `ip`, and `to` fetches them at `mebibytesPerSecond` at most. */
  static async start(
    from: Host,
    to: Host,
    ip: string,
    { mebibytes, mebibytesPerSecond }: { readonly mebibytes: number; readonly mebibytesPerSecond: number },
  ): Promise<Transfer> {
    const directory = join(from.directory, 'served');
    await mkdir(directory, { recursive: true });
    const content = randomBytes(mebibytes * 2 ** 20);
    await writeFile(join(directory, 'file'), content);
    const server = from.start('/usr/bin/python3', '-m', 'http.server', '--bind', ip, '--directory', directory, PORT);
    const url = `http://${ip}:${PORT}/file`;
    await waitFor('the web server', async () => (await to.run('curl', '-sfI', '--max-time', '5', url)).code === 0);
    // Else the receiver's kernel would hold most of the file before it's asked for.
    await to.namespace.sysctl({ 'net/ipv4/tcp_rmem': '4096 131072 262144' });
    const target = join(to.directory, 'fetched');
    const client = to.start('curl', '-sS', '--limit-rate', `${mebibytesPerSecond}M`, '-o', target, url);
    return new Transfer(content, target, server, client);
  }

  /** Waits until `share` of it (0 to 1) has arrived. */
  async reaches(share: number): Promise<void> {
    await waitFor(`${share * 100} % of the file`, async () => {
      if (!this.client.running && share < 1) throw new GiveUp(`the transfer has ended: ${this.client.stderr}`);
      return (await stat(this.target)).size >= share * this.content.length;
    });
  }

  /** Waits for its end, and compares what has arrived. */
  async arrives(): Promise<void> {
    await waitFor('the end of the transfer', () => !this.client.running);
    assert.equal(await this.client.exited, 0, this.client.stderr);
    await this.server.stop();
    const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    assert.equal(hashOf(await readFile(this.target)), hashOf(this.content));
  }
}
