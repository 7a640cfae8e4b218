/** QR codes, loaded on first use. */
import qrcode from 'qrcode-generator';

export interface Picture {
  /** The width of the code in modules, without the margin. */
  readonly size: number;
  /** The dark modules, as the `d` of an SVG path. */
  readonly path: string;
}

export function qrPicture(text: string): Picture {
  // 0: the smallest code that fits the text; M: readable even if about a tenth of it is damaged.
  const code = qrcode(0, 'M');
  code.addData(text);
  code.make();
  const size = code.getModuleCount();
  const modules = Array.from({ length: size * size }, (_, i) => [i % size, Math.floor(i / size)]);
  const dark = modules.filter(([x = 0, y = 0]) => code.isDark(y, x));
  return { size, path: dark.map(([x, y]) => `M${x} ${y}h1v1h-1z`).join('') };
}
