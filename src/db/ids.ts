/** Larger than every id, which has 15 digits at the most. */
export const noId = 10 ** 15;
