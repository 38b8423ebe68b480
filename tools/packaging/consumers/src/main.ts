import { runJobs } from './job.js'

runJobs().then(console.log, (error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
