#!/usr/bin/env node
// Makes what's published at npm's registry, into a folder: pack.mjs FOLDER. For each addon in native/ a package of its own,
// p2p-SYSTEM-PROCESSOR[-LIBRARY], as napi-rs lays them out, which npm installs only where it fits; and p2p itself, without an addon,
// which has them as optional dependencies. Prints the archives' paths. Whoever publishes p2p has to own all these names.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The C library that an addon's name ends in, in the words of npm. */
const LIBC = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

const folder = resolve(process.argv[2] ?? '');
if (process.argv[2] === undefined) throw new Error('expected a folder: pack.mjs FOLDER');
const product = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const addons = readdirSync(join(ROOT, 'native')).filter((name) => name.endsWith('.node'));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const archives = addons.map(platformPackage);
archives.push(mainPackage());
console.log(archives.join('\n'));

function platformPackage(addon) {
  const [, name] = /^p2p\.(.+)\.node$/.exec(addon) ?? [];
  if (name === undefined) throw new Error(`native/${addon}: expected p2p.SYSTEM-PROCESSOR[-LIBRARY].node`);
  const [os, cpu, library] = name.split('-');
  const at = join(folder, `p2p-${name}`);
  mkdirSync(at);
  copyFileSync(join(ROOT, 'native', addon), join(at, addon));
  copyFileSync(join(ROOT, 'LICENSE'), join(at, 'LICENSE'));
  writeFileSync(
    join(at, 'README.md'),
    `The data plane of p2p ${product.version}, built for ${name}. It's of use to p2p alone.\n`,
  );
  const libc = LIBC[library];
  write(at, {
    name: `p2p-${name}`,
    version: product.version,
    description: `The data plane of p2p for ${name}`,
    license: product.license,
    os: [os],
    cpu: [cpu],
    ...(os === 'linux' && libc !== undefined ? { libc: [libc] } : {}),
    main: addon,
    files: [addon],
    engines: product.engines,
  });
  return pack(at);
}

/** Of what `npm pack` in the checkout makes. */
function mainPackage() {
  const at = join(folder, 'p2p');
  const whole = pack(ROOT);
  execFileSync('tar', ['-xzf', whole, '-C', folder]);
  rmSync(whole);
  execFileSync('mv', [join(folder, 'package'), at]);
  for (const addon of addons) rmSync(join(at, 'native', addon));
  const names = addons.map((addon) => `p2p-${addon.slice('p2p.'.length, -'.node'.length)}`);
  const { devDependencies, ...kept } = product;
  write(at, { ...kept, optionalDependencies: Object.fromEntries(names.map((name) => [name, product.version])) });
  return pack(at);
}

function write(at, description) {
  writeFileSync(join(at, 'package.json'), `${JSON.stringify(description, null, 2)}\n`);
}

/** The archive's path. */
function pack(at) {
  const told = execFileSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--no-update-notifier', '--pack-destination', folder, at],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const [{ filename }] = JSON.parse(told);
  return join(folder, filename);
}
