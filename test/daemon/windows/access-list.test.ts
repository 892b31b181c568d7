/** Access lists as Windows has them on its own folders (from its documentation), and worse ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  foreigners,
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  pipeAccess,
  REPLACE,
  WRITE,
} from '../../../src/daemon/windows/access-list.js';

const OWN = 'S-1-5-21-1-2-3-1001';
/** C:\ProgramData, in which users may make files and folders. */
const PROGRAM_DATA =
  'O:SYG:SYD:PAI(A;OICIIO;GA;;;CO)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;CI;DCLCRPCR;;;BU)';
/** C:\, in which they may make folders. */
const ROOT =
  'O:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464D:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)';

test('nobody may put something in the place of what is in the folders of the system', () => {
  for (const sddl of [PROGRAM_DATA, ROOT]) assert.deepEqual(foreigners(sddl, OWN, REPLACE), []);
});

test('users may make something in them, so a folder that lies there already has to be looked at', () => {
  assert.deepEqual(foreigners(PROGRAM_DATA, OWN, WRITE), ['BU']);
  assert.deepEqual(foreigners(ROOT, OWN, WRITE), ['AU']);
});

test('our own lists let in nobody else', () => {
  for (const sddl of [PRIVATE_FILE, PRIVATE_FOLDER]) {
    assert.deepEqual(foreigners(`O:${OWN}${sddl}`, OWN, -1), []);
    assert.deepEqual(foreigners(`O:BAG:DU${sddl}`, OWN, -1), []);
  }
  assert.equal(pipeAccess(OWN, null), `D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;${OWN})`);
  assert.equal(pipeAccess('S-1-5-18', 'S-1-5-9'), 'D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;S-1-5-18)(A;;GRGW;;;S-1-5-9)');
});

for (const [what, sddl, who] of [
  ['another owner', 'O:S-1-5-21-1-2-3-1002D:P(A;;FA;;;SY)', ['S-1-5-21-1-2-3-1002']],
  ['somebody who may change the list', 'O:BAD:(A;;WD;;;S-1-5-21-1-2-3-1002)', ['S-1-5-21-1-2-3-1002']],
  ['all rights in hex', 'O:BAD:AI(A;ID;0x1f01ff;;;WD)', ['WD']],
  ['no list at all', 'O:BAG:BA', ['everybody']],
  ['a null list', 'O:BAD:NO_ACCESS_CONTROL', ['everybody']],
  ['a right that is not known', 'O:BAD:(A;;QQ;;;BU)', ['BU']],
  ['a condition', 'O:BAD:(XA;;FA;;;BU;(@User.x==1))', ['everybody']],
  ['nothing', '', ['everybody']],
] as const)
  test(`${what} is noticed`, () => assert.deepEqual(foreigners(sddl, OWN, WRITE), who));

test('who is denied, may read, or may do it to what will be made, is no danger', () => {
  const sddl = 'O:BAD:(D;;FA;;;BU)(A;;FRFX;;;BU)(A;OICIIO;GA;;;BU)(A;OICI;0x1200a9;;;WD)S:(AU;SAFA;FA;;;WD)';
  assert.deepEqual(foreigners(sddl, OWN, WRITE), []);
});

test('whatever the text, there is an answer', () => {
  const piece = fc.constantFrom('O:', 'D:', 'S:', '(', ')', ';', 'A;', 'FA', 'BU', 'SY', '0x', 'P', '\n');
  const text = fc.array(fc.oneof(piece, fc.string()), { maxLength: 20 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (sddl) => {
      foreigners(sddl, OWN, WRITE);
    }),
  );
});
