/** Keys as a command gets them: from flags, a file, standard input. Read here, with the rights of whoever calls, and never quoted. */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { describeIssue, type Params } from '../rpc/schema.js';
import { wholeNumber } from './context.js';
import { Exit } from './exit.js';

type Keys = NonNullable<Params<'network.start'>['keys']>;

export interface KeyFlags {
  readonly key?: readonly string[] | undefined;
  readonly ttl?: readonly number[] | undefined;
  readonly keyfile?: string | undefined;
}

/** What stands for standard input. */
const STDIN = '-';
/** A key file may have this many bytes. */
const MAX_FILE = 65_536;

/** Gives a command the flags by which keys are handed in. */
export function addKeyFlags(command: Command): Command {
  const flags = [
    new Option(
      '--key <key>',
      'a second secret: only members with the same key connect; - reads it from stdin',
    ).argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]),
    new Option('--ttl <unixtime>', 'when that key ends, Unix time in seconds; also --until (default: never)').argParser(
      (text: string, before: readonly number[] | undefined) => [...(before ?? []), wholeNumber(text)],
    ),
    new Option('--keyfile <file>', 'keys from a YAML file: a list of `key` and `ttl`; - reads it from stdin'),
  ];
  for (const flag of flags) command.addOption(flag);
  return command;
}

/** All keys that the flags name, in order. Throws an `Exit` that says what's wrong, without the keys. */
export async function keysOf({ key = [], ttl = [], keyfile }: KeyFlags): Promise<Keys> {
  if (keyfile !== undefined) {
    if (key.length + ttl.length > 0) throw usage('expected either --keyfile, or --key and --ttl, got both');
    return fileKeys(
      keyfile === STDIN ? 'stdin' : keyfile,
      keyfile === STDIN ? await readAll(process.stdin) : await load(keyfile),
    );
  }
  if (ttl.length > key.length) throw usage(`expected a --key for each --ttl, got ${key.length} and ${ttl.length}`);
  if (ttl.length < key.length - 1)
    throw usage(`expected a --ttl for each --key but the last, got ${key.length} keys and ${ttl.length} ttls`);
  if (key.filter((text) => text === STDIN).length > 1) throw usage('expected --key - once: stdin holds one key');
  const texts = await Promise.all(key.map((text) => (text === STDIN ? standardInput() : text)));
  return texts.map((text, i) => withTtl(text, ttl[i]));
}

/** Standard input as one key, without the end of its line. */
async function standardInput(): Promise<string> {
  return (await readAll(process.stdin)).replace(/\r?\n$/, '');
}

async function load(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new Exit('failure', `the key file can't be read: ${error.message}`);
  });
  if (bytes.length > MAX_FILE) throw usage(`${path}: expected at most ${MAX_FILE} bytes, got ${bytes.length}`);
  return bytes.toString('utf8');
}

const ENTRY = v.strictObject({
  key: v.string('expected text; a key of digits alone needs quotes'),
  ttl: v.optional(v.number('expected a Unix time in seconds')),
});
const FILE = v.union([
  v.pipe(v.array(ENTRY), v.minLength(1)),
  v.pipe(
    ENTRY,
    v.transform((entry) => [entry]),
  ),
]);

/** The entries of a key file; `name` is what errors call it. */
export function fileKeys(name: string, text: string): Keys {
  const document = parseDocument(text, { prettyErrors: false });
  const [fault] = document.errors;
  if (fault !== undefined) throw usage(`${name}: no YAML at line ${lineOf(text, fault.pos[0])}`); // its message quotes the file
  const value: unknown = document.toJS();
  const schema = Array.isArray(value) ? FILE.options[0] : FILE.options[1];
  const read = v.safeParse(schema, value, { abortEarly: true });
  if (read.success) return read.output.map(({ key, ttl }) => withTtl(key, ttl));
  const isList = value !== null && typeof value === 'object';
  throw usage(`${name}: ${isList ? describeIssue(read.issues[0]) : 'expected a list of `key` and `ttl`'}`);
}

function withTtl(key: string, ttl: number | undefined): Keys[number] {
  return ttl === undefined ? { key } : { key, ttl };
}

function lineOf(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

function usage(message: string): Exit {
  return new Exit('usage', message);
}
