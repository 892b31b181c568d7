/** p2p(1) and p2p-config(5), in the man macros (groff_man(7)). */
import { EXITS } from '../cli/exit.js';
import type { ConfigKey } from '../daemon/config-keys.js';
import type { Flag, Manual, Page } from './pages.js';

export function commandPage(manual: Manual, version: string): string {
  return lines([
    head('P2P', 1, version, 'User commands'),
    '.SH NAME',
    'p2p \\- a private Ethernet between the machines that share a hash',
    '.SH SYNOPSIS',
    '.B p2p',
    '.I command',
    '.RI [ flags ]',
    '.SH DESCRIPTION',
    ...prose(manual.introduction),
    ...prose(manual.epilogue),
    '.SH OPTIONS',
    'Every command takes:',
    ...flags(manual.common),
    '.SH COMMANDS',
    ...manual.pages.flatMap(command),
    '.SH ENVIRONMENT',
    'Every flag may be given there:',
    '.BR P2P_HASH ,',
    '.BR P2P_NO_LAN ,',
    'and so on. The command line wins; an empty variable is as good as none.',
    '.SH EXIT STATUS',
    ...Object.values(EXITS).flatMap(({ code, means }) => tagged(`.B ${code}`, means)),
    '.SH FILES',
    ...tagged('.I /run/p2p/p2p.sock', 'the socket of the daemon'),
    ...tagged('.I /var/lib/p2p', "the daemon's state"),
    ...tagged('.I /etc/p2p/config.yaml', 'its configuration'),
    '.SH SEE ALSO',
    '.BR p2p-config (5)',
  ]);
}

export function configPage(keys: readonly ConfigKey[], version: string): string {
  return lines([
    head('P2P-CONFIG', 5, version, 'File formats'),
    '.SH NAME',
    'p2p-config \\- configuration of the p2p daemon',
    '.SH SYNOPSIS',
    '.I /etc/p2p/config.yaml',
    '.SH DESCRIPTION',
    text(
      'YAML: keys with values. Every key may be left out. A flag of `p2p daemon` beats the environment, which beats the file.',
    ),
    text(
      'An unknown or bad key is an error that names it with its line; `p2p check-config` looks without starting anything.',
    ),
    '.SH KEYS',
    ...keys.flatMap(({ name, value, means, fallback }) => [
      '.TP',
      `.BI ${quoted(`${name}: `)} ${quoted(value)}`,
      text(`${means}.${fallback === '' ? '' : ` Default: ${fallback}.`}`),
    ]),
    '.SH EXAMPLE',
    '.EX',
    'lan: false',
    'dht: 192.0.2.1:49737',
    'relays: [relay.example]',
    '.EE',
    '.SH SEE ALSO',
    '.BR p2p (1)',
  ]);
}

function command(page: Page): string[] {
  return [
    `.SS ${quoted(page.usage)}`,
    text(`${page.summary.charAt(0).toUpperCase()}${page.summary.slice(1)}.`),
    ...prose(page.prose, true),
    ...flags([...page.parameters, ...page.flags]),
    ...(page.examples.length === 0
      ? []
      : ['.PP', 'Examples:', '.PP', '.RS 4', '.EX', ...page.examples.map(literal), '.EE', '.RE']),
  ];
}

function flags(all: readonly Flag[]): string[] {
  return all.flatMap(({ flags: spelt, means }) => tagged(`.B ${quoted(spelt)}`, means));
}

function tagged(tag: string, means: string): string[] {
  return ['.TP', tag, text(means)];
}

/** Paragraphs; what's indented stands as it is. */
function prose(written: string, isContinued = false): string[] {
  const result: string[] = [];
  let isCode = false;
  for (const line of written === '' ? [] : written.split('\n')) {
    const indented = /^ {2}/.test(line);
    if (indented && !isCode) result.push('.PP', '.RS 4', '.EX');
    if (!indented && isCode) result.push('.EE', '.RE', '.PP');
    else if (!indented && result.length === 0 && isContinued) result.push('.PP');
    if (line.trim() !== '') result.push(indented ? literal(line.replace(/^ {2}/, '')) : text(line));
    else if (!indented && result.length > 0) result.push('.PP');
    isCode = indented;
  }
  if (isCode) result.push('.EE', '.RE', '.PP');
  return result.filter((line, i) => !(line === '.PP' && (result[i + 1] === '.PP' || i === result.length - 1)));
}

function head(name: string, section: number, version: string, title: string): string {
  return `.TH ${name} ${section} "" ${quoted(`p2p ${version}`)} ${quoted(title)}`;
}

/** A line of words: nothing in it is a request, backticks are bold. */
function text(words: string): string {
  const safe = words
    .split('`')
    .map((part, i) => (i % 2 === 1 ? `\\fB${plain(part)}\\fP` : plain(part)))
    .join('');
  return /^[.']/.test(safe) ? `\\&${safe}` : safe;
}

function literal(line: string): string {
  const safe = plain(line);
  return /^[.']/.test(safe) ? `\\&${safe}` : safe;
}

function quoted(words: string): string {
  return `"${plain(words).replaceAll('"', '\\(dq')}"`;
}

const CHARACTERS: ReadonlyMap<string, string> = new Map([
  ['\\', '\\e'],
  ['-', '\\-'],
  ["'", '\\(aq'],
  ['`', '\\(ga'],
  ['^', '\\(ha'],
  ['~', '\\(ti'],
  ['…', '...'],
  ['’', '\\(cq'],
  ['→', '\\(->'],
  ['×', '\\(mu'],
]);

function plain(words: string): string {
  return [...words].map((character) => CHARACTERS.get(character) ?? character).join('');
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
