import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogFile } from '../../src/daemon/log-file.js';

function inDirectory(body: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'p2p-log-'));
  try {
    body(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('a log goes on where it was, and is never larger than it may be; of former ones there is one', () =>
  inDirectory((directory) => {
    const path = join(directory, 'log', 'p2p.log');
    new LogFile(path, assert.fail, 20).write('one\n');
    const log = new LogFile(path, assert.fail, 20);
    log.write('two\n');
    assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
    for (let n = 0; n < 100; n++) log.write(`line ${n}\n`);
    assert.equal(readFileSync(path, 'utf8'), 'line 99\n');
    assert.equal(readFileSync(LogFile.former(path), 'utf8'), 'line 97\nline 98\n');
    assert.deepEqual(readdirSync(join(directory, 'log')), ['p2p.log', 'p2p.log.1']);
  }));

test('a line that is longer than the whole file has one of its own', () =>
  inDirectory((directory) => {
    const path = join(directory, 'p2p.log');
    const log = new LogFile(path, assert.fail, 10);
    log.write('a\n');
    log.write('a longer line\n');
    log.write('b\n');
    assert.equal(readFileSync(LogFile.former(path), 'utf8'), 'a longer line\n');
    assert.equal(readFileSync(path, 'utf8'), 'b\n');
  }));

test('that it cannot be written is said once, until it can be again', () =>
  inDirectory((directory) => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const problems: string[] = [];
    const log = new LogFile(join(file, 'p2p.log'), (problem) => problems.push(problem));
    log.write('a\n');
    log.write('b\n');
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /can't be written to .*p2p\.log: E/);
    rmSync(file);
    log.write('c\n');
    assert.equal(readFileSync(join(file, 'p2p.log'), 'utf8'), 'c\n');
  }));
