/** The part of SVG that the charts need. */

type Attributes = Readonly<Record<string, string | number>>;

/** An element; its children are strings made by `element` or `text`. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`);
  return `<${name}${list.join('')}>${children.join('')}</${name}>`;
}

export function text(content: string, attributes: Attributes): string {
  return element('text', attributes, escaped(content));
}

/**
 * A picture with its own background, so that it is readable on a dark page while the system's
 * colour scheme is light.
 */
export function picture(
  { width, height, title }: { width: number; height: number; title: string },
  ...children: string[]
): string {
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': title,
    },
    `\n<style>${style}</style>\n`,
    `${element('rect', { class: 'ground', width, height, rx: 8 })}\n`,
    `${text(title, { class: 'title', x: 24, y: 32 })}\n`,
    children.join('\n'),
    '\n',
  )}\n`;
}

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .head, .figure { font-weight: 600; }
  .tick { font-size: 12px; text-anchor: middle; }
  .figure, .quiet { font-variant-numeric: tabular-nums; }
  .quiet, .tick:not(.figure) { fill: #59636e; }
  .ground { fill: #ffffff; }
  .line { stroke: #d1d9e0; fill: none; }
  .floor { stroke: #59636e; stroke-width: 1.5; fill: none; }
  .bar { fill: #2f7fd8; }
  .other { fill: #8c959f; }
  .spread { stroke: #1f2328; stroke-width: 2; stroke-opacity: 0.6; }
  .band { fill: #2f7fd8; fill-opacity: 0.16; }
  .curve { stroke: #2f7fd8; stroke-width: 2; fill: none; }
  .dot { fill: #2f7fd8; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet, .tick:not(.figure) { fill: #9198a1; }
    .ground { fill: #0d1117; }
    .line { stroke: #3d444d; }
    .floor { stroke: #9198a1; }
    .spread { stroke: #f0f6fc; }
    .bar { fill: #388bfd; }
    .other { fill: #6e7681; }
    .band { fill: #58a6ff; fill-opacity: 0.2; }
    .curve { stroke: #58a6ff; }
    .dot { fill: #58a6ff; }
  }
`;

function escaped(value: string | number): string {
  return String(value).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
