/** All jobs, and which kinds of events ask for which. */
import { job as announceBalance } from "./jobs/announceBalance.ts"
import { job as announceForecast } from "./jobs/announceForecast.ts"
import { job as announceThreshold } from "./jobs/announceThreshold.ts"
import type { Job } from "./jobs/job.ts"
import { job as makePartitions } from "./jobs/makePartitions.ts"
import { job as pruneKeys } from "./jobs/pruneKeys.ts"
import { job as pruneSessions } from "./jobs/pruneSessions.ts"
import { job as sendInvitation } from "./jobs/sendInvitation.ts"
import { job as sendOperatorInvitation } from "./jobs/sendOperatorInvitation.ts"

export const jobs: ReadonlyArray<Job> = [
  announceBalance,
  announceForecast,
  announceThreshold,
  makePartitions,
  pruneKeys,
  pruneSessions,
  sendInvitation,
  sendOperatorInvitation
]

export const queuesFor = (kind: string): ReadonlyArray<string> =>
  jobs.flatMap((job) => ("on" in job && job.on.includes(kind) ? [job.queue] : []))
