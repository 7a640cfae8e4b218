/** As much of SVG as the charts need. */

type Attributes = Readonly<Record<string, string | number>>;

/** An element; its children are elements already, or texts by `text`. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`);
  return `<${name}${list.join('')}>${children.join('')}</${name}>`;
}

export function text(content: string, attributes: Attributes): string {
  return element('text', attributes, escaped(content));
}

/**
 * A picture with a ground of its own: whoever shows it in a dark page with a light system's colours
 * can still read it.
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
  .quiet { fill: #59636e; }
  .ground { fill: #ffffff; }
  .line { stroke: #d1d9e0; stroke-width: 1; fill: none; }
  .target { stroke: #1f2328; stroke-width: 2; }
  .bar { fill: #2f7fd8; }
  .curve { stroke: currentColor; stroke-width: 2; fill: none; }
  .dot { fill: currentColor; }
  .c0 { color: #2f7fd8; }
  .c1 { color: #1a8a4a; }
  .c2 { color: #b35900; }
  .c3 { color: #9a4fd0; }
  .c4 { color: #d1366f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .ground { fill: #0d1117; }
    .line { stroke: #3d444d; }
    .target { stroke: #f0f6fc; }
    .bar { fill: #58a6ff; }
    .c0 { color: #58a6ff; }
    .c1 { color: #3fb950; }
    .c2 { color: #e3934a; }
    .c3 { color: #c297ff; }
    .c4 { color: #ff7eb0; }
  }
`;

function escaped(value: string | number): string {
  return String(value).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
