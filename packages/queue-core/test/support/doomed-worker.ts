// A worker in a separate process that kills itself at a given step. It prints the events of its worker as lines of JSON.
import { createClient } from 'redis'
import { createWorker, type Job, type JobContext, type WorkerOptions } from '../../src/index.ts'

/** Where the process dies. `never`: it waits for somebody to stop it. */
export type Doom =
  | 'when it has claimed'
  | 'in the handler'
  | 'after the effect'
  | 'while it acks'
  | 'while it retries'
  | 'while it buries'
  | 'with a full buffer'
  | 'at poison'
  | 'never'

/** What the process is told, as JSON in its first argument. */
export interface Instructions {
  readonly url: string
  readonly prefix: string
  readonly queue: string
  readonly doom: Doom
  readonly options: Pick<
    WorkerOptions<{ work: number }>,
    'visibilityMs' | 'concurrency' | 'maxAttempts' | 'maxCrashes'
  >
}

/** Data of the job that kills its worker. */
export const POISON = 13

const die = (): boolean => process.kill(process.pid, 'SIGKILL')

async function main({ url, prefix, queue, doom, options }: Instructions): Promise<void> {
  const redis = await createClient({ url }).connect()
  let started = 0

  async function work({ data }: Job<'work', number>, { signal }: JobContext): Promise<void> {
    started++
    if (doom === 'in the handler' || (doom === 'at poison' && data === POISON)) die()
    if (doom === 'with a full buffer' && started > 200) die()
    if (doom === 'never') await untilTold(signal)
    await redis.rPush(`${prefix}:effects`, String(data))
    if (doom === 'after the effect') die()
    // The command is on its way to the server, or there already, or its answer is on its way back.
    if (doom === 'while it acks') setImmediate(die)
    if (doom === 'while it retries' || doom === 'while it buries') {
      setImmediate(die)
      throw new Error('boom')
    }
  }

  /** Waits until a test lets the handler go on, whatever its signal says. */
  async function untilTold(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => tell({ type: 'aborted', reason: String(signal.reason) }))
    while ((await redis.exists(`${prefix}:go`)) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    if ((await redis.get(`${prefix}:go`)) === 'fail') throw new Error('boom')
  }

  function tell(event: object): void {
    process.stdout.write(`${JSON.stringify(event)}\n`)
  }

  const worker = createWorker<{ work: number }>(
    redis,
    queue,
    { work },
    {
      prefix,
      backoff: () => 10,
      ...options,
      onEvent(event) {
        if (event.type === 'started' && doom === 'when it has claimed') die()
        tell(event)
      },
    },
  )
  await worker.start()
}

const [, , instructions] = process.argv
if (instructions !== undefined) await main(JSON.parse(instructions) as Instructions)
