/** The picture: a panel for each of the most telling figures, a bar for each system. Pure. */
import { FIGURES, type Figure, type SystemResult } from './figures.js';
import { medianOf } from './statistics.js';

const PANELS: readonly Figure[] = ['tcp', 'tcpFour', 'packets', 'rtt', 'cpu', 'tcpLossy'];
const COLUMNS = 2;
const WIDTH = 900;
const MARGIN = 24;
const GAP = 32;
const LABELS = 104;
/** Room right of the longest bar, for its value. */
const VALUES = 60;
const ROW = 20;
const BAR = 13;
const HEAD = 34;

/** It paints its own ground, so that it's readable on any page; which one, the reader's colour scheme decides. */
const STYLE = `
  .ground { fill: #ffffff } text { fill: #1f2328; font: 12px system-ui, sans-serif }
  .title { font-weight: 600; font-size: 13px } .unit { fill: #59636e }
  .project { fill: #0969da } .rival { fill: #8c959f } .yardstick { fill: #d1d9e0 } .axis { stroke: #8c959f }
  text.project { fill: #0969da; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #e6edf3 } .unit { fill: #9198a1 }
    .project { fill: #58a6ff } .rival { fill: #6e7681 } .yardstick { fill: #30363d } .axis { stroke: #6e7681 }
    text.project { fill: #58a6ff }
  }`;

/** An SVG document. */
export function renderChart(systems: readonly SystemResult[]): string {
  const width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS;
  const height = HEAD + systems.length * ROW;
  const rows = Math.ceil(PANELS.length / COLUMNS);
  const total = 2 * MARGIN + rows * height + (rows - 1) * GAP;
  const panels = PANELS.map((figure, index) => {
    const x = MARGIN + (index % COLUMNS) * (width + GAP);
    const y = MARGIN + Math.floor(index / COLUMNS) * (height + GAP);
    return `<g transform="translate(${round(x)} ${round(y)})">\n${panel(figure, systems, width)}\n</g>`;
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${total}" width="${WIDTH}" height="${total}" role="img">`,
    '<title>Medians of all systems</title>',
    `<style>${STYLE}\n</style>`,
    '<rect class="ground" width="100%" height="100%" rx="6"/>',
    ...panels,
    '</svg>',
  ].join('\n')}\n`;
}

function panel(figure: Figure, systems: readonly SystemResult[], width: number): string {
  const { title, unit, better, digits } = FIGURES[figure];
  const values = systems.map((system) => medianOf(system, figure));
  const greatest = Math.max(...values.map((value) => value ?? 0)) || 1;
  const scale = (width - LABELS - VALUES) / greatest;
  const bars = systems.map((system, index) => bar(system, values[index] ?? null, HEAD + index * ROW, scale, digits));
  return [
    `<text class="title" y="12">${escapeXml(title)} <tspan class="unit">${escapeXml(unit)}, ${better} is better</tspan></text>`,
    ...bars,
    `<line class="axis" x1="${LABELS}" x2="${LABELS}" y1="${HEAD - 6}" y2="${HEAD + systems.length * ROW - 4}"/>`,
  ].join('\n');
}

function bar({ name, kind }: SystemResult, value: number | null, y: number, scale: number, digits: number): string {
  const strong = kind === 'project' ? ' class="project"' : '';
  const label = `<text${strong} x="${LABELS - 8}" y="${y + BAR - 3}" text-anchor="end">${escapeXml(name)}</text>`;
  const length = value === null ? 0 : value * scale;
  const amount = `<text${strong} x="${round(LABELS + length + 6)}" y="${y + BAR - 3}">${value?.toFixed(digits) ?? '–'}</text>`;
  return `${label}<rect class="${kind}" x="${LABELS}" y="${y}" width="${round(length)}" height="${BAR}"/>${amount}`;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
