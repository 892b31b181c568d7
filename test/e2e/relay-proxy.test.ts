/** UDP blocked, and TCP only through an HTTP proxy: the relay is reached by CONNECT. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { behind, leave } from './harness/nat.js';
import { PYTHON } from './harness/places.js';
import { relayAt, servesRelay } from './harness/relay.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const PORT = 3128;
/** A proxy that knows CONNECT and nothing else, wants a password, and says whom it connects. */
const PROXY = `
import base64, socket, socketserver, sys, threading
WANTED = b'Proxy-Authorization: Basic ' + base64.b64encode(b'user:pass word')
class Connect(socketserver.BaseRequestHandler):
    def handle(self):
        head = b''
        while not head.endswith(b'\\r\\n\\r\\n'):
            head += self.request.recv(1)
        host, port = head.split()[1].decode().rsplit(':', 1)
        if WANTED not in head:
            self.request.sendall(b'HTTP/1.1 407 Proxy Authentication Required\\r\\n\\r\\n')
            return
        print('connect', host, port, flush=True)
        other = socket.create_connection((host, int(port)))
        self.request.sendall(b'HTTP/1.1 200 Connection established\\r\\n\\r\\n')
        threading.Thread(target=carry, args=(other, self.request), daemon=True).start()
        carry(self.request, other)
def carry(a, b):
    while data := a.recv(65536):
        b.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
server = Server(('0.0.0.0', ${PORT}), Connect)
print('ready', flush=True)
server.serve_forever()
`;

test('UDP blocked and no way out but a proxy: the members meet at the relay, by CONNECT', () =>
  onRoutedSubnets(['router', 'bob', 'relay', 'proxy'], async ({ router, bob, relay, proxy }) => {
    await servesRelay(relay);
    const file = join(proxy.directory, 'proxy.py');
    writeFileSync(file, PROXY);
    const program = proxy.start(PYTHON, file);
    await waitFor('the proxy', () => program.stdout.includes('ready'));
    const ada = await behind(router, 'UDP blocked', 'ada');
    try {
      await router.must(
        'nft',
        'insert',
        'rule',
        'ip',
        'p2ptest',
        'forwarded',
        'ip',
        'daddr',
        relay.addresses.ipv4,
        'drop',
      );
      const hash = freshHash();
      const url = `http://user:pass%20word@${proxy.addresses.ipv4}:${PORT}`;
      const args = ['--no-dht', '--no-lan', '-relay', relayAt(relay)];
      await ada.daemon({ args, env: { https_proxy: url } });
      await bob.daemon({ args });
      await ada.joins(hash, ADA);
      await bob.joins(hash, BOB);
      await bob.pings(ADA);
      const { path, endpoint } = await bob.member(hash, ADA);
      assert.equal(path, 'relay');
      assert.match(endpoint ?? '', /^udp/);
      assert.match((await ada.member(hash, BOB)).endpoint ?? '', /^tls/);
      assert.match(program.stdout, new RegExp(`connect ${relay.addresses.ipv4} 443`));
      assert.ok(!ada.daemonLog.includes('pass word') && !ada.daemonLog.includes('pass%20word'));
    } finally {
      await leave(ada);
    }
  }));
