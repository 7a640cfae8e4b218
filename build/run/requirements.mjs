/**
 * Refuses systems that Snug cannot run on. Even a Node that is too old must be able to parse this
 * file.
 */

/** The same as `engines` in package.json. */
const oldest = [24, 7];

/** 32-bit architectures: they have neither a recent enough Node nor the database driver. */
const narrow = ['arm', 'ia32', 'mips', 'mipsel', 'ppc', 's390'];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  refuse(`Snug needs Node ${oldest.join('.')} or newer; this is ${process.version}.`);
}
if (narrow.includes(process.arch)) {
  refuse(`Snug needs a 64-bit system; this Node is for ${process.arch}, which has 32 bits.`);
}

function refuse(sentence) {
  console.error(`snug: ${sentence}`);
  process.exit(1);
}
