/** Where things are. The compiled tests stand in `build/test/e2e`, the program and the Python tools in the checkout. */
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** The checkout. */
export const ROOT = root;
export const P2P = `${root}bin/p2p`;
/** Debian's own Python: the tools need nothing but its standard library. */
export const PYTHON = '/usr/bin/python3';
export const FRAMES_TOOL = `${root}test/e2e/tools/frames.py`;
export const DATAGRAMS_TOOL = `${root}test/e2e/tools/datagrams.py`;
export const TRANSFER_TOOL = `${root}test/e2e/tools/transfer.py`;
export const DHT_PROGRAM = `${root}build/test/e2e/programs/dht.js`;
export const MEMBERS_PROGRAM = `${root}build/test/e2e/programs/members.js`;
export const FRAME_KEYS_PROGRAM = `${root}build/test/e2e/programs/frame-keys.js`;
export const FLOOD_TOOL = `${root}test/e2e/tools/flood.py`;
export const MANAGER_TOOL = `${root}test/e2e/tools/manager.py`;
export const DEMO = `${root}scripts/demo`;
