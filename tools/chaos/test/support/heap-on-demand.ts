/** Loaded into a program under test: on SIGUSR2 it collects its garbage and logs what is left of its heap. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

process.on('SIGUSR2', () => {
  // Finalizers of the first round free what only the second one finds.
  collect()
  setImmediate(() => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    process.stderr.write(`${JSON.stringify({ msg: 'heap', bytes: heapUsed + external })}\n`)
  })
})
