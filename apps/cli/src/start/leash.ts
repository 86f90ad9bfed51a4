/**
 * Loaded into the API and the worker: when the process that started them is gone, however it went, its end of this pipe
 * closes, and they stop as if they had been told to.
 */
process.stdin
  .on("error", () => {})
  .once("close", () => process.kill(process.pid, "SIGTERM"))
  .resume()
if ("unref" in process.stdin && typeof process.stdin.unref === "function") process.stdin.unref()
