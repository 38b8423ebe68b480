import { rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  spawnGatewaySimulator,
  type GatewaySimulatorOptions,
  type SpawnedSimulator,
} from '@titan/gateway-simulator'
import { startPostgres, startRedis } from '@titan/servers'

/** A server that can be killed and started again on its data. */
export interface Restartable {
  /** Where it listens; undefined while it is down. */
  port(): number | undefined
  /** Sends SIGKILL and waits until the server is gone. Does nothing while it is down. */
  kill(): Promise<void>
  /** Starts it on its data again, on any port. Does nothing while it is up. */
  start(): Promise<void>
  /** Stops it in good order. */
  stop(): Promise<void>
}

/** PostgreSQL that keeps every commit, also when it is killed. */
export interface RestartablePostgres extends Restartable {
  /** Returns the URL of the database at this port. */
  urlAt(port: number): string
}

/** Redis that keeps an append-only file. */
export interface RestartableRedis extends Restartable {
  /** Deletes its data; call it while the server is down. */
  lose(): void
  freeze(): void
  thaw(): void
}

/** The gateway, which continues with its ledger. */
export interface RestartableGateway extends Restartable {
  readonly ledgerPath: string
  /** Commands for the running simulator; undefined while it is down. */
  simulator(): SpawnedSimulator | undefined
}

interface Running {
  readonly port: number
  kill(): Promise<void>
  stop(): Promise<void>
}

interface Launched<Server extends Running> extends Restartable {
  current(): Server | undefined
}

async function keepRestartable<Server extends Running>(
  launch: () => Promise<Server>,
): Promise<Launched<Server>> {
  let server: Server | undefined = await launch()

  async function end(how: 'kill' | 'stop'): Promise<void> {
    const ending = server
    server = undefined
    await ending?.[how]()
  }

  return {
    current: () => server,
    port: () => server?.port,
    kill: () => end('kill'),
    stop: () => end('stop'),
    async start() {
      server ??= await launch()
    },
  }
}

/** Starts PostgreSQL with its data in the folder. */
export async function startPostgresIn(folder: string): Promise<RestartablePostgres> {
  const restartable = await keepRestartable(async () => {
    const server = await startPostgres({ dataDir: join(folder, 'postgres') })
    async function kill(): Promise<void> {
      process.kill(server.pid, 'SIGKILL')
      await server.stop()
    }
    return { ...server, kill }
  })
  const url = new URL(restartable.current()?.url ?? '')
  return {
    ...restartable,
    urlAt(port) {
      url.port = String(port)
      return url.href
    },
  }
}

/** Starts Redis with its data in the folder. */
export async function startRedisIn(folder: string): Promise<RestartableRedis> {
  const dataDir = join(folder, 'redis')
  const restartable = await keepRestartable(() => startRedis({ dataDir }))
  const signal = (name: NodeJS.Signals): void => {
    const pid = restartable.current()?.pid
    if (pid !== undefined) process.kill(pid, name)
  }
  return {
    ...restartable,
    lose: () => rmSync(join(dataDir, 'appendonlydir'), { recursive: true, force: true }),
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
  }
}

/** Starts the gateway simulator with its ledger in the folder. */
export async function startGatewayIn(
  folder: string,
  options: Omit<GatewaySimulatorOptions, 'ledgerPath'>,
): Promise<RestartableGateway> {
  const ledgerPath = join(folder, 'ledger.jsonl')
  const restartable = await keepRestartable(async () => {
    const simulator = await spawnGatewaySimulator({ ...options, ledgerPath })
    const port = Number(new URL(simulator.url).port)
    return { simulator, port, kill: () => simulator.kill(), stop: () => simulator.close() }
  })
  return { ...restartable, ledgerPath, simulator: () => restartable.current()?.simulator }
}
