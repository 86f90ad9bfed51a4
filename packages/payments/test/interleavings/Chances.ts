/** A small generator that a seed brings back (mulberry32). */
export interface Chances {
  readonly upTo: (most: number) => number
  readonly chance: (likelihood: number) => boolean
  readonly one: <A>(options: ReadonlyArray<A>) => A
}

export const chances = (seed: number): Chances => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const upTo = (most: number) => Math.floor(next() * most)
  return {
    upTo,
    chance: (likelihood) => next() < likelihood,
    one: <A>(options: ReadonlyArray<A>): A => options[upTo(options.length)] as A
  }
}
