import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Loop, type Machine } from '../../src/daemon/loop.js';
import type { NetworkInput, NetworkOutput } from '../../src/network/io.js';

const TICK: NetworkInput = { kind: 'tick' };

/** Notes what it's handed; outputs and deadline are the test's to set. */
class Recorder implements Machine<NetworkInput, NetworkOutput> {
  readonly handled: { readonly now: number; readonly kind: string }[] = [];
  outputs: NetworkOutput[] = [];
  next = Number.POSITIVE_INFINITY;

  handle(now: number, input: NetworkInput): NetworkOutput[] {
    this.handled.push({ now, kind: input.kind });
    return this.outputs.splice(0);
  }

  deadline(): number {
    return this.next;
  }
}

test('time never runs backwards for the machine', () => {
  const machine = new Recorder();
  const times = [10, 5, 20];
  const loop = new Loop(
    machine,
    () => times.shift() ?? 20,
    () => undefined,
  );
  loop.feed([TICK, TICK, TICK]);
  assert.deepEqual(
    machine.handled.map(({ now }) => now),
    [10, 10, 20],
  );
});

test('inputs that come while outputs are carried out wait for their turn', () => {
  const machine = new Recorder();
  machine.outputs = [{ kind: 'beacon', payload: new Uint8Array() }];
  const order: string[] = [];
  const loop: Loop<NetworkInput, NetworkOutput> = new Loop(
    machine,
    () => 0,
    (outputs) => {
      order.push(`out ${outputs.length} after ${machine.handled.length}`);
      if (outputs.length > 0) loop.feed([{ kind: 'clock', wall: 0 }]);
      order.push('done');
    },
  );
  loop.feed([TICK, { kind: 'leave' }]);
  assert.deepEqual(order, ['out 1 after 1', 'done', 'out 0 after 2', 'done', 'out 0 after 3', 'done']);
  assert.deepEqual(
    machine.handled.map(({ kind }) => kind),
    ['tick', 'leave', 'clock'],
  );
});

test('the machine is woken at its deadline, also at one that is past, until it is stopped', async () => {
  const machine = new Recorder();
  const began = performance.now();
  const loop = new Loop(
    machine,
    () => performance.now() - began,
    () => undefined,
  );
  machine.next = 30;
  loop.feed([{ kind: 'leave' }]);
  const ticked = () => machine.handled.filter(({ kind }) => kind === 'tick');
  while (ticked().length < 5 && performance.now() - began < 10_000)
    await new Promise((resolve) => setTimeout(resolve, 5));
  loop.stop();
  const ticks = ticked();
  assert.ok(ticks.length >= 5, 'its deadline stayed in the past');
  assert.ok(ticks.length < performance.now() - began, 'yet it left time for others');
  assert.ok((ticks[0]?.now ?? 0) >= 29);
  const count = machine.handled.length;
  loop.feed([TICK]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(machine.handled.length, count);
});
