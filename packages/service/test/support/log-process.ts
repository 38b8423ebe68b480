// Logs a line on standard error, lets the event loop run for so many milliseconds, or until standard input ends, logs two
// more and ends. `flood`: logs so much at once that there is no room for all of it.
import { createLog } from '../../src/index.ts'

const log = createLog('test', { logLevel: 'info', logFormat: 'json' })

function end(): void {
  log.info('test.last', 'last')
  log.info('test.last_of_all', 'last of all')
  process.exit(0)
}

log.info('test.first', 'first')
const runMs = process.argv[2]
if (runMs === 'flood')
  for (let line = 0; line < 40_000; line++)
    log.info('test.flooded', 'x'.repeat(500), { paymentId: `pay_${line}` })
else if (runMs === undefined) process.stdin.resume().once('end', end)
else setTimeout(end, Number(runMs))
