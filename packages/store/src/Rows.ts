/** Rows of one statement: as many as its parameters suffice for, however wide a table is. */
const most = 1_000

export const some = <A>(rows: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(rows.length / most) }, (_, i) => rows.slice(i * most, (i + 1) * most))
