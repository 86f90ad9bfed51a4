/** One line on stderr that changes: in a terminal it moves, elsewhere it is written now and then. */
import spinner from "yocto-spinner"

export interface Progress {
  readonly tell: (text: string) => void
  readonly close: () => void
}

const everyMs = { terminal: 100, elsewhere: 5_000 }

export const open = (): Progress => {
  const pause = process.stderr.isTTY ? everyMs.terminal : everyMs.elsewhere
  // Signals are the command's own.
  const line = spinner({ stream: process.stderr, handleSignals: false })
  let toldAt = Date.now() - (process.stderr.isTTY ? pause : 0)
  return {
    tell: (text) => {
      if (Date.now() - toldAt < pause) return
      toldAt = Date.now()
      if (line.isSpinning) line.text = text
      else line.start(text)
    },
    close: () => {
      line.stop()
    }
  }
}

/** How far it has come, as a bar. */
export const bar = (done: number, total: number, width = 24): string => {
  const full = total === 0 ? width : Math.min(width, Math.floor((done * width) / total))
  return `${"█".repeat(full)}${"░".repeat(width - full)}`
}
