/** docs/commands.md as text. */
import { EXITS } from '../cli/exit.js';
import type { ConfigKey } from '../daemon/config-keys.js';
import type { Flag, Manual, Page } from './pages.js';

const HEAD = `# Commands

<!-- Made by \`make docs\` from src/cli/ and src/daemon/config-keys.ts: change those, never this file. -->

What every command and flag does, the exit codes, and the keys of the configuration, as \`p2p help COMMAND\`, p2p(1) and p2p-config(5) have them.
[guide.md](guide.md) tells more: keys, relays, what is printed and what it means, the socket.

- A flag may have one dash or two: \`-hash myhash\`, \`--hash myhash\`, \`--hash=myhash\`.
- A flag may be given in the environment: \`--no-lan\` is \`P2P_NO_LAN\`, \`--hash\` is \`P2P_HASH\`. The command line wins.
- Data goes to stdout, everything else to stderr.
- With \`--json\` a command prints an object whose \`version\` is 1; [schema/](schema/) has a JSON Schema for each.
`;

export function commandsMarkdown(manual: Manual, keys: readonly ConfigKey[], json: ReadonlySet<string>): string {
  const parts = [
    HEAD,
    table(
      ['command', 'does'],
      manual.pages.map(({ name, summary }) => [`[\`p2p ${name}\`](#p2p-${name})`, plain(summary)]),
    ),
    'Every command takes:\n',
    flagTable(manual.common),
    '## Exit codes\n',
    table(
      ['code', 'meaning'],
      Object.values(EXITS).map(({ code, means }) => [String(code), means]),
    ),
    ...manual.pages.map((page) => section(page, json.has(page.name))),
    configuration(keys),
  ];
  return `${parts.join('\n').trimEnd()}\n`;
}

function section(page: Page, hasSchema: boolean): string {
  const parts = [`## p2p ${page.name}\n`, `${sentence(plain(page.summary))}\n`, `    ${page.usage}\n`];
  if (page.prose !== '') parts.push(paragraphs(page.prose));
  if (page.parameters.length > 0) parts.push(plainTable('argument', page.parameters));
  if (page.flags.length > 0) parts.push(flagTable(page.flags));
  if (hasSchema) parts.push(`JSON: [schema/${page.name}.json](schema/${page.name}.json)\n`);
  if (page.examples.length > 0) parts.push(`Examples:\n\n\`\`\`sh\n${page.examples.join('\n')}\n\`\`\`\n`);
  return parts.join('\n');
}

function configuration(keys: readonly ConfigKey[]): string {
  const rows = keys.map(({ name, value, means, fallback }) => [
    `\`${name}\``,
    code(value),
    means,
    fallback.includes(' ') ? fallback : code(fallback),
  ]);
  return [
    '## Configuration\n',
    '`/etc/p2p/config.yaml`, if it exists, or the file that `p2p daemon --config` names. A flag beats the environment, which beats the file. An unknown or bad',
    'key is an error that names it with its line; `p2p check-config` looks without starting anything.\n',
    table(['key', 'value', 'what it does', 'without it'], rows),
  ].join('\n');
}

function flagTable(flags: readonly Flag[]): string {
  return plainTable('flag', flags);
}

function plainTable(what: string, flags: readonly Flag[]): string {
  return table(
    [what, 'means'],
    flags.map(({ flags: spelt, means }) => [code(spelt), plain(means)]),
  );
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n')}\n`;
}

/** Paragraphs; what's indented in the help is shown as it stands. */
function paragraphs(text: string): string {
  const lines = text.split('\n');
  const result: string[] = [];
  let wasCode = false;
  for (const line of lines) {
    const isCode = /^ {2}/.test(line);
    if (isCode !== wasCode && result.at(-1) !== '' && result.length > 0) result.push('');
    result.push(isCode ? `    ${line.trimStart()}` : `${plain(line)}`);
    wasCode = isCode;
  }
  return `${result.join('\n')}\n`;
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

/** Nothing in the words of the help is meant as markup, but for what stands in backticks. */
function plain(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replace(/[*<>[\]]/g, (mark) => `\\${mark}`)))
    .join('');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
