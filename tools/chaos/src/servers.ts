import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { spawnGatewaySimulator, type GatewaySimulatorOptions } from '@titan/gateway-simulator'
import { startPostgres, startRedis } from '@titan/servers'

interface Running {
  readonly port: number
  kill(): Promise<void>
  stop(): Promise<void>
}

/** Launches a server that can be killed and started again on its data, on any port. */
async function launchRestartable<Server extends Running>(launch: () => Promise<Server>) {
  let server: Server | undefined = await launch()

  async function end(how: 'kill' | 'stop'): Promise<void> {
    const ending = server
    server = undefined
    await ending?.[how]()
  }

  return {
    current: () => server,
    /** Where it listens; undefined while it is down. */
    port: () => server?.port,
    /** Sends SIGKILL and waits until the server is gone. Does nothing while it is down. */
    kill: () => end('kill'),
    /** Stops it in good order. Does nothing while it is down. */
    stop: () => end('stop'),
    /** Starts it again. Does nothing while it is up. */
    async start() {
      server ??= await launch()
    },
  }
}

/** Starts PostgreSQL with its data in the folder; it keeps every commit, also when it is killed. */
export async function startPostgresIn(folder: string) {
  const postgres = await launchRestartable(async () => {
    const server = await startPostgres({ dataDir: join(folder, 'postgres') })
    async function kill(): Promise<void> {
      process.kill(server.pid, 'SIGKILL')
      await server.stop()
    }
    return { ...server, kill }
  })
  const url = new URL(postgres.current()?.url ?? '')
  return {
    ...postgres,
    /** Returns the URL of the database at this port. */
    urlAt(port: number): string {
      url.port = String(port)
      return url.href
    },
  }
}

/** Starts Redis with its append-only file in the folder. */
export async function startRedisIn(folder: string) {
  const dataDir = join(folder, 'redis')
  const redis = await launchRestartable(() => startRedis({ dataDir }))
  const signal = (name: NodeJS.Signals): void => {
    const pid = redis.current()?.pid
    if (pid !== undefined) process.kill(pid, name)
  }
  return {
    ...redis,
    /** Deletes its data; call it while the server is down. */
    lose: () => rmSync(join(dataDir, 'appendonlydir'), { recursive: true, force: true }),
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
  }
}

/** Starts the gateway simulator with its ledger in the folder, with which it continues. */
export async function startGatewayIn(folder: string, options: Omit<GatewaySimulatorOptions, 'ledgerPath'>) {
  const ledgerPath = join(folder, 'ledger.jsonl')
  const gateway = await launchRestartable(async () => {
    const simulator = await spawnGatewaySimulator({ ...options, ledgerPath })
    const port = Number(new URL(simulator.url).port)
    return { simulator, port, kill: () => simulator.kill(), stop: () => simulator.close() }
  })
  /** Commands for the running simulator; undefined while it is down. */
  const simulator = () => gateway.current()?.simulator
  return { ...gateway, ledgerPath, simulator }
}
