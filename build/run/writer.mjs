/** What the thread that writes runs: its program, as the build has compiled it. */
import { load } from './load.mjs';

load('writer');
