import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { LOOPBACK } from './ports.ts'
import type { RedisLaunch, RedisSource } from './redis-binary.ts'

const VERSION = '8-alpine'
const IMAGE = `redis:${VERSION}`
const ENGINE_TIMEOUT_MS = 10_000

/**
 * Finds a container engine on this machine and fetches the Redis image. Throws with the reason when no engine
 * answers or it cannot get the image.
 */
export async function findRedisContainer(env: NodeJS.ProcessEnv): Promise<RedisSource> {
  if (!hasEngine(env)) throw new Error('no container engine was found')
  // Loaded only here: it is big, and most machines do not need it.
  const { getContainerRuntimeClient, ImageName } = await import('testcontainers')
  const late = pause(ENGINE_TIMEOUT_MS, undefined, { ref: false })
  const client = await Promise.race([getContainerRuntimeClient(), late])
  if (client === undefined) throw new Error('the container engine does not answer')
  const { host } = client.info.containerRuntime
  if (!['localhost', LOOPBACK, '::1'].includes(host))
    throw new Error(`the container engine runs on another host, ${host}`)
  await client.image.pull(ImageName.fromString(IMAGE))
  return { product: 'Redis', version: VERSION, start: startContainer }
}

/**
 * Runs Redis in a container that publishes its port on the loopback address and goes away with this process. The
 * server's folder is mounted at the same path, and written under this process's own account.
 */
async function startContainer({ folder, port, logFile, args }: RedisLaunch) {
  const { GenericContainer, Wait } = await import('testcontainers')
  // The library publishes ports on every address, and this hook is the one place to say otherwise.
  class LoopbackContainer extends GenericContainer {
    protected override beforeContainerCreated = async (): Promise<void> => {
      this.hostConfig.PortBindings = { [`${port}/tcp`]: [{ HostIp: LOOPBACK, HostPort: String(port) }] }
    }
  }
  // Inside, Redis listens on the container's own address.
  const address = ['--bind', '0.0.0.0', '--protected-mode', 'no', '--cluster-announce-ip', LOOPBACK]
  const container = new LoopbackContainer(IMAGE)
    .withCommand(['redis-server', '--port', String(port), ...address, ...args])
    .withExposedPorts({ container: port, host: port })
    .withBindMounts([{ source: folder.path, target: folder.path }])
    .withLogConsumer((stream) => stream.pipe(createWriteStream(logFile, { flags: 'a' })))
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/iu))
  if (process.getuid && process.getgid) container.withUser(`${process.getuid()}:${process.getgid()}`)
  const started = await container.start()

  let ended: Promise<unknown> | undefined
  const { promise: exited, resolve: resolveExit } = Promise.withResolvers<string>()
  async function stop(timeout = 10_000) {
    await (ended ??= started.stop({ timeout }))
    resolveExit('stopped')
  }
  return {
    exited,
    logTail: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8').slice(-2_000) : ''),
    stop,
    kill: () => stop(0),
  }
}

/** Whether an engine could answer at all; spares loading the library where there is none. */
function hasEngine(env: NodeJS.ProcessEnv) {
  if (env['DOCKER_HOST'] || process.platform === 'win32') return true
  const runtime = env['XDG_RUNTIME_DIR'] ?? ''
  return [
    '/var/run/docker.sock',
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock'),
    join(homedir(), '.colima/default/docker.sock'),
    join(homedir(), '.testcontainers.properties'),
    join(runtime, 'docker.sock'),
    join(runtime, 'podman/podman.sock'),
  ].some(existsSync)
}
