import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from '@titan/telemetry'
import type { WorkerHealth } from '@titan/queue-core'
import { answersInTime, Failure, hostNameOf, isLoopback } from '@titan/service'

/** What a health server reports, and where. */
export interface HealthServerOptions {
  /** 0: any free port. */
  readonly port: number
  /** The address to listen on. */
  readonly host: string
  /** What `/metrics` serves. @default there is no such page */
  readonly metrics?: Pick<Registry, 'contentType' | 'metrics'> | undefined
  /** Returns the workers and a probe of PostgreSQL; undefined until they run. */
  readonly running: () => { health(): readonly WorkerFacts[]; ping(): Promise<unknown> } | undefined
  /** @default DEAD_AFTER_MS */
  readonly deadAfterMs?: number
}

/** A listening health server. */
export type HealthServer = Awaited<ReturnType<typeof startHealthServer>>

/** Milliseconds without a reply to a read or settle after which a worker is dead. */
const DEAD_AFTER_MS = 15_000

/** The facts by which a worker is judged. */
export interface WorkerFacts extends WorkerHealth {
  /** Whether abandoned work on a job hangs. @default false */
  readonly isStuck?: boolean
}

/**
 * Serves `GET /healthz` (no worker is dead) and `GET /readyz` (all run, and PostgreSQL takes writes) with 200 or 503, and
 * `GET /metrics`. An idle worker is alive, because Redis replies to its reads.
 *
 * @throws Failure when it cannot listen
 */
export async function startHealthServer(options: HealthServerOptions) {
  const { port, host } = options
  const server = createServer((request, response) => void respond(options, request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const message = `cannot listen on ${host}:${port} for health checks: ${error.message}`
      reject(new Failure(message, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    /** Idempotent. */
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function respond(
  options: HealthServerOptions,
  { method, url, headers }: IncomingMessage,
  response: ServerResponse,
) {
  const { host, metrics } = options
  const path = url?.split('?')[0]
  const requestedHost = hostNameOf(headers.host ?? '') ?? ''
  if (isLoopback(host) && !isLoopback(requestedHost))
    return send(response, 421, { status: 'this host name is not served on a loopback address' })
  if (method !== 'GET' && method !== 'HEAD') return send(response, 405, { status: 'method not allowed' })
  if (path === '/metrics' && metrics !== undefined) return sendMetrics(response, metrics)
  if (path === '/healthz' || path === '/readyz') return sendHealth(response, options, path)
  send(response, 404, { status: 'not found' })
}

async function sendHealth(
  response: ServerResponse,
  { running, deadAfterMs }: HealthServerOptions,
  path: '/healthz' | '/readyz',
) {
  const present = running()
  const workers = (present?.health() ?? []).map((worker) => {
    const { running, settling, paused, sinceReplyMs } = worker
    const state = judgeWorker(worker, deadAfterMs)
    return { state, running, settling, paused, sinceReplyMs: Math.round(sinceReplyMs) }
  })
  if (path === '/healthz') {
    const isDead = workers.some(({ state }) => state === 'dead')
    return send(response, isDead ? 503 : 200, { status: isDead ? 'dead' : 'ok', workers })
  }
  const isUp = present !== undefined && (await answersInTime(() => present.ping()))
  const isReady = isUp && workers.length > 0 && workers.every(({ state }) => state === 'alive')
  const checks = { postgres: isUp ? 'up' : 'down' }
  send(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'unavailable', checks, workers })
}

/** Judges the state of a worker: dead when it should read or settle and cannot, whatever the reason. */
export function judgeWorker(
  { state, sinceReplyMs, unreadMs, unsettledMs, isStuck = false }: WorkerFacts,
  deadAfterMs = DEAD_AFTER_MS,
) {
  if (state !== 'running') return state
  if (isStuck) return 'dead'
  return Math.max(sinceReplyMs, unreadMs, unsettledMs) > deadAfterMs ? 'dead' : 'alive'
}

async function sendMetrics(response: ServerResponse, registry: Pick<Registry, 'contentType' | 'metrics'>) {
  try {
    const text = await registry.metrics()
    response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' })
    response.end(text)
  } catch {
    // An unhandled rejection would end the worker.
    send(response, 500, { status: 'metrics unavailable' })
  }
}

function send(response: ServerResponse, status: number, body: object) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(body)}\n`)
}
