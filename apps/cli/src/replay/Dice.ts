/** Chance that a seed brings back (mulberry32), and the distributions that gaps between requests follow. */
export interface Dice {
  /** From 0 up to 1. */
  readonly roll: () => number
  readonly gamma: (shape: number) => number
  readonly weibull: (shape: number) => number
}

/** One for each name: what one draws is nothing to the others. */
export const of = (seed: number, name: string): Dice => {
  let state = [...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193), seed ^ 0x811c9dc5)
  const roll = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const open = () => 1 - roll()
  const normal = () => Math.sqrt(-2 * Math.log(open())) * Math.cos(2 * Math.PI * roll())
  /** Marsaglia and Tsang. */
  const gamma = (shape: number): number => {
    if (shape < 1) return gamma(shape + 1) * open() ** (1 / shape)
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = normal()
      const v = (1 + c * x) ** 3
      if (v > 0 && Math.log(open()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
    }
  }
  const weibull = (shape: number) => (-Math.log(open())) ** (1 / shape)
  return { roll, gamma, weibull }
}
