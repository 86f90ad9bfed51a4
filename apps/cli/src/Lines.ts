/** A table with a line under its head, and none between its rows. */
import Table from "cli-table3"

export const table = (
  head: ReadonlyArray<string>,
  aligns: ReadonlyArray<"left" | "right">,
  rows: ReadonlyArray<ReadonlyArray<number | string>>
): string => {
  const lines = new Table({
    head: [...head],
    colAligns: [...aligns],
    style: { head: [], border: [] },
    chars: {
      top: "",
      "top-mid": "",
      "top-left": "",
      "top-right": "",
      bottom: "",
      "bottom-mid": "",
      "bottom-left": "",
      "bottom-right": "",
      left: "",
      "left-mid": "",
      mid: "",
      "mid-mid": "",
      right: "",
      "right-mid": "",
      middle: "  "
    }
  })
  lines.push(...rows.map((row) => [...row]))
  return lines.toString()
}
