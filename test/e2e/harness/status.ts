/** Reads what `p2p status` prints: a line per network, `HASH|IP`, and below it a line per peer with eight fields; `-` for nothing. */

export interface PeerLine {
  readonly id: string;
  readonly ip: string;
  readonly state: string;
  readonly path: string;
  readonly endpoint: string;
  readonly rtt: string;
  readonly bytes: string;
  readonly lastError: string;
}

export interface NetworkLines {
  readonly hash: string;
  readonly ip: string;
  readonly peers: PeerLine[];
}

const PATHS = ['lan', 'direct', 'relay', 'none'];

/** Throws if the text isn't of that form: other people's scripts read it too. */
export function parseStatus(text: string): NetworkLines[] {
  const networks: NetworkLines[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const fields = line.split('|');
    if (fields.length === 2) {
      networks.push({ hash: fields[0] ?? '', ip: fields[1] ?? '', peers: [] });
      continue;
    }
    const network = networks.at(-1);
    if (network === undefined) throw new Error(`a peer before any network in status: ${line}`);
    network.peers.push(parsePeer(line, fields));
  }
  return networks;
}

function parsePeer(line: string, fields: readonly string[]): PeerLine {
  const [id = '', ip = '', state = '', path = '', endpoint = '', rtt = '', bytes = '', ...rest] = fields;
  if (rest.length === 0) throw new Error(`expected eight fields in status: ${line}`);
  if (!state.startsWith('State:')) throw new Error(`expected State:… as third field in status: ${line}`);
  if (!PATHS.includes(path)) throw new Error(`expected ${PATHS.join(', ')} as fourth field in status: ${line}`);
  return { id, ip, state: state.slice('State:'.length), path, endpoint, rtt, bytes, lastError: rest.join('|') };
}
