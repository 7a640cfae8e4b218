/** `npm run bench:publish`: puts the latest figures into README.md, and the charts next to it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawCharts, writeCharts } from './charts.ts';
import { formatReport } from './report.ts';
import { readResults } from './results.ts';
import { readSettings } from './settings.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const readme = `${folder}README.md`;

/** @throws if one of the two marks is missing. */
export function insertFigures(document: string, report: string): string {
  const place = /(?<=<!-- figures -->\n).*(?=<!-- end of figures -->)/s;
  if (!place.test(document)) throw new Error('bench/README.md lacks the marks of the figures.');
  return document.replace(place, () => `\n${report}\n`);
}

if (import.meta.main) {
  const results = readResults(readSettings(process.env).results);
  if (Object.keys(results).length === 0) throw new Error('No results: run the benchmark first.');
  const charts = drawCharts(results);
  writeCharts(folder, charts);
  writeFileSync(readme, insertFigures(readFileSync(readme, 'utf8'), formatReport(results, charts)));
}
