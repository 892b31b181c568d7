/** What can go wrong in a call: a name for programs, a stable code on the wire, a message for people. */

/** JSON-RPC's own codes are below -32000; ours are positive, and never change their meaning. */
export const ERROR_CODES = {
  'parse-error': -32700,
  'invalid-request': -32600,
  'unknown-method': -32601,
  'invalid-params': -32602,
  internal: -32603,
  'request-too-large': 1001,
  'no-such-network': 1002,
  'hash-in-use': 1003,
  'device-taken': 1004,
  'port-taken': 1005,
  'address-refused': 1006,
  'no-device-permission': 1007,
  'no-tun': 1008,
  'device-failed': 1009,
  'too-many': 1010,
  stopping: 1011,
  'state-failed': 1012,
  'no-such-member': 1013,
  'ambiguous-member': 1014,
} as const;

export type ErrorName = keyof typeof ERROR_CODES;

const NAMES = new Map<number, ErrorName>(Object.entries(ERROR_CODES).map(([name, code]) => [code, name as ErrorName]));

/** A call that failed for a reason with a name; its message is meant for the caller and holds no secret. */
export class RpcError extends Error {
  constructor(
    readonly reason: ErrorName,
    message: string,
  ) {
    super(message);
    this.name = 'RpcError';
  }
}

/** The name of a code from the wire; `internal` for one that this version doesn't know. */
export function errorName(code: number): ErrorName {
  return NAMES.get(code) ?? 'internal';
}
