/** What is used of hyperdht, which has no types of its own (6.34). */
declare module 'hyperdht' {
  import type { EventEmitter } from 'node:events';

  interface KeyPair {
    readonly publicKey: Uint8Array;
    readonly secretKey: Uint8Array;
  }

  interface Query extends AsyncIterable<{ readonly peers: readonly { readonly publicKey: Uint8Array }[] }> {
    finished(): Promise<void>;
    readonly closestNodes: readonly unknown[];
  }

  interface Options {
    /** Always an array: anything else means the public nodes. */
    readonly bootstrap: readonly string[];
    /** A range that's empty makes the system choose one; a number 0 would mean 49737. */
    readonly port?: number | readonly [number, number];
    readonly host?: string;
    readonly ephemeral?: boolean;
    readonly firewalled?: boolean;
    readonly anyPort?: boolean;
  }

  export default class HyperDHT extends EventEmitter {
    static readonly BOOTSTRAP: readonly string[];
    static keyPair(seed: Uint8Array): KeyPair;
    static bootstrapper(port: number, host: string, options: Options): HyperDHT;
    constructor(options: Options);
    /** The nodes in its routing table. */
    readonly nodes: { readonly length: number };
    readonly io: { onrequest: (request: { readonly from: { readonly host: string } }, external: boolean) => void };
    /** Nodes of its routing table, those heard last first. */
    toArray(options: { readonly limit: number }): { readonly host: string; readonly port: number }[];
    fullyBootstrapped(): Promise<void>;
    announce(target: Uint8Array, keyPair: KeyPair, relayAddresses: readonly []): Query;
    lookup(target: Uint8Array): Query;
    mutablePut(
      keyPair: KeyPair,
      value: Uint8Array,
      options: { readonly seq: number },
    ): Promise<{ readonly closestNodes: readonly unknown[] }>;
    mutableGet(
      publicKey: Uint8Array,
      options?: { readonly latest?: boolean },
    ): Promise<{ readonly value: Uint8Array; readonly seq: number } | null>;
    destroy(): Promise<void>;
  }
}
