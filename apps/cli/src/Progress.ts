/** One line on stderr that changes: in a terminal it moves, elsewhere it is written now and then. */
import spinner from "yocto-spinner"

export interface Progress {
  readonly tell: (text: string) => void
  readonly close: () => void
}

export const open = (): Progress => (process.stderr.isTTY ? moving() : written())

const moving = (): Progress => {
  // Signals are the command's own.
  const line = spinner({ stream: process.stderr, handleSignals: false })
  return {
    tell: every(100, (text) => {
      if (line.isSpinning) line.text = text
      else line.start(text)
    }),
    close: () => {
      line.stop()
    }
  }
}

const written = (): Progress => {
  const tell = every(5_000, (text) => process.stderr.write(`${text}\n`), Date.now())
  return { tell, close: () => {} }
}

const every = (pauseMs: number, tell: (text: string) => void, toldAt = 0): Progress["tell"] => {
  let last = toldAt
  return (text) => {
    if (Date.now() - last < pauseMs) return
    last = Date.now()
    tell(text)
  }
}

/** How far it has come, as a bar. */
export const bar = (done: number, total: number, width = 24): string => {
  const full = total === 0 ? width : Math.min(width, Math.floor((done * width) / total))
  return `${"█".repeat(full)}${"░".repeat(width - full)}`
}
