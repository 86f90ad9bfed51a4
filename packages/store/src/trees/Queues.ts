/**
 * Requests that wait, tree by tree; trees that wait, in a ring.
 *
 *   idle ──push──▶ waiting ──take──▶ flying ──land──▶ idle or waiting
 *                                      └──set aside──▶ aside ──rejoin──▶ idle or waiting
 *
 * A tree is in one batch at a time. What it is asked meanwhile waits for its return.
 */
import type { Id } from "@capstan/domain"
import type { Result } from "effect"
import type { Job } from "./Batch.ts"
import type { Location } from "./Locations.ts"
import type { Answer, Refused } from "./Request.ts"

export interface Waiting extends Job {
  readonly name: string
  readonly deadline: number
  readonly settle: (result: Result.Result<Answer, Refused>) => void
  location: Location
  done: boolean
  /** A statement with it may have been carried out. */
  unknown: boolean
  tries: number
}

export interface Queue {
  readonly organization: Id.Id
  readonly root: Id.Id
  jobs: Array<Waiting>
  place: "aside" | "flying" | "idle" | "waiting"
  /** Others write to the tree as well: it is locked before it is read. */
  contendedUntil: number
  /** Keys that are known already are expected. */
  repeatsUntil: number
  /** A statement that was cut off may still be carried out: until the tree is stamped anew, nothing said of it is final. */
  fence: boolean
}

export interface Batch {
  readonly organization: Id.Id
  readonly queues: ReadonlyArray<Queue>
  readonly jobs: ReadonlyArray<Waiting>
  readonly locked: boolean
}

export class Queues {
  readonly #byRoot = new Map<string, Queue>()
  #ring: Array<Queue> = []
  #waiting = 0

  /** Requests whose trees wait. */
  get waiting(): number {
    return this.#waiting
  }

  of(organization: Id.Id, root: Id.Id): Queue {
    const name = `${organization}/${root}`
    const known = this.#byRoot.get(name)
    if (known !== undefined) return known
    const times = { contendedUntil: 0, repeatsUntil: 0 }
    const queue: Queue = { organization, root, jobs: [], place: "idle", ...times, fence: false }
    this.#byRoot.set(name, queue)
    return queue
  }

  push(job: Waiting): void {
    const queue = this.of(job.caller.organization, job.location.root)
    queue.jobs.push(job)
    if (queue.place === "waiting") this.#waiting++
    else this.#wait(queue)
  }

  /** To the head of their queues, in their order. */
  putBack(jobs: ReadonlyArray<Waiting>): void {
    for (const group of Map.groupBy(jobs, ({ location }) => location.root).values()) {
      const [first] = group
      if (first === undefined) continue
      const queue = this.of(first.caller.organization, first.location.root)
      queue.jobs.unshift(...group)
      if (queue.place === "waiting") this.#waiting += group.length
      else this.#wait(queue)
    }
  }

  /**
   * Trees in turn, of one organization and either contended or not, until there are as many requests as `wanted`; `most` is the
   * most that one batch may have.
   */
  take(wanted: number, most: number, now: number): Batch | undefined {
    const queues: Array<Queue> = []
    const jobs: Array<Waiting> = []
    const passed: Array<Queue> = []
    let locked = false
    let i = 0
    for (; i < this.#ring.length && jobs.length < wanted; i++) {
      const queue = this.#ring[i]
      if (queue === undefined) break
      const contended = queue.contendedUntil > now || queue.fence
      const [first] = queues
      if (first !== undefined && (first.organization !== queue.organization || locked !== contended)) passed.push(queue)
      else {
        locked = contended
        queues.push(queue)
        queue.place = "flying"
        jobs.push(...queue.jobs.splice(0, most - jobs.length))
      }
    }
    this.#ring = [...passed, ...this.#ring.slice(i)]
    for (const queue of queues) this.#waiting -= queue.jobs.length
    this.#waiting -= jobs.length
    const [first] = queues
    return first === undefined ? undefined : { organization: first.organization, queues, jobs, locked }
  }

  /** A batch is over: its trees wait again if they were asked more. */
  land(queues: ReadonlyArray<Queue>): void {
    for (const queue of queues) if (queue.place === "flying") this.rejoin(queue)
  }

  rejoin(queue: Queue): void {
    queue.place = "idle"
    this.#wait(queue)
  }

  /** Forgets trees of which there is nothing to remember. */
  *sweep(now: number): Iterable<Waiting> {
    for (const [name, { jobs, place, contendedUntil, repeatsUntil, fence }] of this.#byRoot) {
      yield* jobs
      const quiet = jobs.length === 0 && place === "idle" && !fence
      if (quiet && contendedUntil < now && repeatsUntil < now) this.#byRoot.delete(name)
    }
  }

  #wait(queue: Queue): void {
    if (queue.place !== "idle" || queue.jobs.length === 0) return
    queue.place = "waiting"
    this.#ring.push(queue)
    this.#waiting += queue.jobs.length
  }
}
