import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { LOOPBACK } from './ports.ts'
import type { ServerProcess } from './server-process.ts'

/** A Redis image that a container engine of this machine has. */
export interface RedisContainer {
  readonly kind: 'container'
  readonly image: string
  readonly product: 'Redis'
  /** The image's tag. */
  readonly version: string
}

const VERSION = '8-alpine'
const IMAGE = `redis:${VERSION}`
const ENGINE_TIMEOUT_MS = 10_000

/**
 * Finds a container engine on this machine and fetches the Redis image. Throws with the reason when no engine
 * answers or it cannot get the image.
 */
export async function findRedisContainer(env: NodeJS.ProcessEnv): Promise<RedisContainer> {
  if (!hasEngine(env)) throw new Error('no container engine was found')
  // Loaded only here: it is big, and most machines do not need it.
  const { getContainerRuntimeClient, ImageName } = await import('testcontainers')
  const client = await withTimeout(getContainerRuntimeClient(), 'the container engine does not answer')
  const { host } = client.info.containerRuntime
  if (!['localhost', LOOPBACK, '::1'].includes(host))
    throw new Error(`the container engine runs on another host, ${host}`)
  await client.image.pull(ImageName.fromString(IMAGE))
  return { kind: 'container', image: IMAGE, product: 'Redis', version: VERSION }
}

/** What to run in the container. */
export interface ContainerCommand {
  readonly image: string
  readonly port: number
  readonly args: readonly string[]
  /** Mounted at the same path, and written under this process's own account. */
  readonly dataDir: string
  readonly logFile: string
}

/** Runs Redis in a container that publishes its port on the loopback address and goes away with this process. */
export async function startRedisContainer(command: ContainerCommand): Promise<Omit<ServerProcess, 'pid'>> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const { port, dataDir } = command
  // The library publishes ports on every address, and this hook is the one place to say otherwise.
  class LoopbackContainer extends GenericContainer {
    protected override beforeContainerCreated = async (): Promise<void> => {
      this.hostConfig.PortBindings = { [`${port}/tcp`]: [{ HostIp: LOOPBACK, HostPort: String(port) }] }
    }
  }
  const account = process.getuid && process.getgid ? `${process.getuid()}:${process.getgid()}` : undefined
  const container = new LoopbackContainer(command.image)
    .withCommand(['redis-server', '--port', String(port), ...command.args])
    .withExposedPorts({ container: port, host: port })
    .withBindMounts([{ source: dataDir, target: dataDir }])
    .withLogConsumer((stream) => stream.pipe(createWriteStream(command.logFile, { flags: 'a' })))
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/iu))
  const started = await (account === undefined ? container : container.withUser(account)).start()

  let ended: Promise<unknown> | undefined
  const { promise: exited, resolve: resolveExit } = Promise.withResolvers<string>()
  async function end(timeoutMs: number): Promise<void> {
    ended ??= started.stop({ timeout: timeoutMs })
    await ended
    resolveExit('stopped')
  }
  return {
    exited,
    isRunning: () => ended === undefined,
    logTail: () => (existsSync(command.logFile) ? readFileSync(command.logFile, 'utf8').slice(-2_000) : ''),
    stop: async (graceMs = 10_000) => await end(graceMs),
    kill: async () => await end(0),
  }
}

/** Whether an engine could answer at all; spares loading the library where there is none. */
function hasEngine(env: NodeJS.ProcessEnv): boolean {
  if (env['DOCKER_HOST'] || process.platform === 'win32') return true
  const runtime = env['XDG_RUNTIME_DIR'] ?? ''
  const sockets = [
    '/var/run/docker.sock',
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock'),
    join(homedir(), '.colima/default/docker.sock'),
    join(runtime, 'docker.sock'),
    join(runtime, 'podman/podman.sock'),
  ]
  return existsSync(join(homedir(), '.testcontainers.properties')) || sockets.some(existsSync)
}

async function withTimeout<Value>(work: Promise<Value>, message: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ENGINE_TIMEOUT_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
