import { rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  spawnGatewaySimulator,
  type GatewaySimulatorOptions,
  type SpawnedSimulator,
} from '@titan/gateway-simulator'
import { startPostgres, startRedis, type PostgresServer, type RedisServer } from '@titan/servers'

/** A server that can be taken away and given back. */
export interface Restartable {
  /** Where it listens; undefined while it is down. */
  port(): number | undefined
  /** SIGKILL, and waits until it is gone. Does nothing while it is down. */
  kill(): Promise<void>
  /** Starts it on its data again; on any port. Does nothing while it is up. */
  start(): Promise<void>
  /** Ends it in good order. */
  stop(): Promise<void>
}

/** PostgreSQL that keeps every commit, also when it is killed. */
export interface RestartablePostgres extends Restartable {
  /** For a database at this port. */
  urlAt(port: number): string
}

/** Redis that keeps an append-only file. */
export interface RestartableRedis extends Restartable {
  /** Throws its data away; while it is down. */
  lose(): void
  freeze(): void
  thaw(): void
}

/** The gateway, which goes on with its ledger. */
export interface RestartableGateway extends Restartable {
  readonly ledgerPath: string
  /** Commands for the simulator that runs; undefined while it is down. */
  simulator(): SpawnedSimulator | undefined
}

export async function startPostgresIn(folder: string): Promise<RestartablePostgres> {
  const dataDir = join(folder, 'postgres')
  let server: PostgresServer | undefined = await startPostgres({ dataDir })
  const { url } = server
  return {
    port: () => server?.port,
    urlAt(port) {
      const at = new URL(url)
      at.port = String(port)
      return at.href
    },
    async kill() {
      const killed = server
      server = undefined
      if (killed === undefined) return
      process.kill(killed.pid, 'SIGKILL')
      await killed.stop()
    },
    async start() {
      server ??= await startPostgres({ dataDir })
    },
    async stop() {
      const stopped = server
      server = undefined
      await stopped?.stop()
    },
  }
}

export async function startRedisIn(folder: string): Promise<RestartableRedis> {
  const dataDir = join(folder, 'redis')
  const launch = (): Promise<RedisServer> => startRedis({ dataDir })
  let server: RedisServer | undefined = await launch()

  function signal(name: NodeJS.Signals): void {
    if (server?.pid !== undefined) process.kill(server.pid, name)
  }

  return {
    port: () => server?.port,
    async kill() {
      const killed = server
      server = undefined
      await killed?.kill()
    },
    async start() {
      server ??= await launch()
    },
    async stop() {
      const stopped = server
      server = undefined
      await stopped?.stop()
    },
    lose: () => rmSync(join(dataDir, 'appendonlydir'), { recursive: true, force: true }),
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
  }
}

export async function startGatewayIn(
  folder: string,
  options: Omit<GatewaySimulatorOptions, 'ledgerPath'>,
): Promise<RestartableGateway> {
  const ledgerPath = join(folder, 'ledger.jsonl')
  const launch = (): Promise<SpawnedSimulator> => spawnGatewaySimulator({ ...options, ledgerPath })
  let simulator: SpawnedSimulator | undefined = await launch()
  return {
    ledgerPath,
    port: () => (simulator === undefined ? undefined : Number(new URL(simulator.url).port)),
    simulator: () => simulator,
    async kill() {
      const killed = simulator
      simulator = undefined
      await killed?.kill()
    },
    async start() {
      simulator ??= await launch()
    },
    async stop() {
      const stopped = simulator
      simulator = undefined
      await stopped?.close()
    },
  }
}
