import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from '@titan/telemetry'
import type { WorkerHealth } from '@titan/queue-core'
import { answersInTime, Failure, hostNameOf, isLoopback } from '@titan/service'

/** What a health server reports. */
export interface HealthServerOptions {
  /** 0: any free port. */
  readonly port: number
  /** The address to listen on. @default '127.0.0.1' */
  readonly host?: string
  /** What `/metrics` serves. @default there is no such page */
  readonly metrics?: Pick<Registry, 'contentType' | 'metrics'> | undefined
  /** Returns the workers; undefined until they run. */
  readonly workers: () => readonly WorkerFacts[] | undefined
  /** Rejects when PostgreSQL does not respond, or takes no writes. */
  readonly database: () => Promise<unknown>
  /** Milliseconds without a reply to a read or settle after which a worker is dead. @default DEAD_AFTER_MS */
  readonly deadAfterMs?: number
}

/** A listening health server. */
export interface HealthServer {
  readonly port: number
  /** Idempotent. */
  close(): Promise<void>
}

/** Milliseconds without a reply to a read or settle after which a worker is dead. */
const DEAD_AFTER_MS = 15_000

/** The facts by which a worker is judged. */
export interface WorkerFacts extends WorkerHealth {
  /** Whether abandoned work on a job hangs. @default false */
  readonly isStuck?: boolean
}

/** The state of a worker: dead when it should read or settle and cannot, whatever the reason. */
export type WorkerState = 'alive' | 'dead' | WorkerHealth['state']

/**
 * Serves `GET /healthz` (no worker is dead) and `GET /readyz` (all run, and PostgreSQL takes writes) with 200 or 503, and
 * `GET /metrics`. An idle worker is alive, because Redis replies to its reads.
 *
 * @throws Failure when it cannot listen
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { port, host = '127.0.0.1', workers, database, metrics, deadAfterMs = DEAD_AFTER_MS } = options
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0]
    if (isLoopback(host) && !isLoopback(hostNameOf(request.headers.host ?? '') ?? ''))
      send(response, 421, { status: 'this host name is not served on a loopback address' })
    else if (request.method !== 'GET' && request.method !== 'HEAD')
      send(response, 405, { status: 'method not allowed' })
    else if (path === '/healthz') sendHealth(response)
    else if (path === '/readyz') void sendReadiness(response)
    else if (path === '/metrics' && metrics !== undefined) void sendMetrics(response, metrics)
    else send(response, 404, { status: 'not found' })
  })

  function sendHealth(response: ServerResponse): void {
    const health = workers() ?? []
    const isDead = health.some((worker) => judgeWorker(worker, deadAfterMs) === 'dead')
    send(response, isDead ? 503 : 200, { status: isDead ? 'dead' : 'ok', workers: health.map(describe) })
  }

  async function sendReadiness(response: ServerResponse): Promise<void> {
    const health = workers() ?? []
    const isWorking =
      health.length > 0 && health.every((worker) => judgeWorker(worker, deadAfterMs) === 'alive')
    const isUp = await answersInTime(database)
    const status = isWorking && isUp ? 'ready' : 'unavailable'
    const checks = { postgres: isUp ? 'up' : 'down' }
    send(response, status === 'ready' ? 200 : 503, { status, checks, workers: health.map(describe) })
  }

  function describe(worker: WorkerFacts): Readonly<Record<string, unknown>> {
    const { running, settling, paused, sinceReplyMs } = worker
    const state = judgeWorker(worker, deadAfterMs)
    return { state, running, settling, paused, sinceReplyMs: Math.round(sinceReplyMs) }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new Failure(`cannot listen on ${host}:${port} for health checks: ${error.message}`, { cause: error }),
      ),
    )
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Judges the state of a worker. */
export function judgeWorker(
  { state, sinceReplyMs, unreadMs, unsettledMs, isStuck = false }: WorkerFacts,
  deadAfterMs: number = DEAD_AFTER_MS,
): WorkerState {
  if (state !== 'running') return state
  if (isStuck) return 'dead'
  return Math.max(sinceReplyMs, unreadMs, unsettledMs) > deadAfterMs ? 'dead' : 'alive'
}

async function sendMetrics(
  response: ServerResponse,
  registry: Pick<Registry, 'contentType' | 'metrics'>,
): Promise<void> {
  try {
    const text = await registry.metrics()
    response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' })
    response.end(text)
  } catch {
    // An unhandled rejection would end the worker.
    send(response, 500, { status: 'metrics unavailable' })
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(body)}\n`)
}
